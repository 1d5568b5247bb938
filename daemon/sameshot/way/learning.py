"""What the owner said and did, as examples to learn from, and what they teach.

Comes in: the app. Goes out: for each lesson what was learned and how it did on words that were held out; nothing is
written. The score learns from `together` and `apart`. Which photo is best is learned from `keep`, from ratings, from
edited exports (the frame that was worth the work) and from photos that were deleted beside others that stayed, in this
order where they speak of the same two. Sets that are kept whole teach nothing: nobody chooses between their frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from sameshot.app import App
from sameshot.errors import SameshotError
from sameshot.group.kinds import belongs_together
from sameshot.group.quality import STRENGTHS, Facts, Rating, is_edited, rate
from sameshot.learn.held_out import HeldOut
from sameshot.learn.preference import Choices, difference, learn_weights
from sameshot.learn.sameness import SaidPairs, learn_shift
from sameshot.model import Group, Membership
from sameshot.store.verdicts import Verdict
from sameshot.way.looking import compare_one
from sameshot.way.rating import facts_of

_MOST_SILENT = 20_000
_MOST_COMPARED = 500
"""Pairs that were said and never compared: so many are compared now, and the newest of them."""
_STEP = 0.05
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Taught:
    """What one lesson would be. `values` is empty where nothing is to be learned; `told` says why, either way."""

    name: str
    of: str
    values: dict[str, float]
    told: HeldOut


def teach(app: App) -> list[Taught]:
    """Returns what the owner's words teach by now, one for each lesson. Pairs that were never compared are so now."""
    method, (best, best_told) = app.method, learn_weights(choices(app))
    steps = {name: _in_steps(weight) for name, weight in best.items()}
    lessons = [Taught("representative", "", steps if best_told.wins else {}, best_told)]
    if method.measure is None:  # what a single measure's scores mean, the owner says with the threshold
        said, silent = said_pairs(app)
        shift, told = learn_shift(said, silent, app.unlearned_threshold)
        step = _in_steps(shift) if told.wins else 0.0
        lessons.insert(0, Taught("pair-score", method.id, {"shift": step} if step else {}, told))
    return lessons


def _in_steps(value: float) -> float:
    """Rounded so that a word more does not make all groups anew."""
    return round(round(value / _STEP) * _STEP, 2)


# ---------------------------------------------------------------- together and apart


def said_pairs(app: App) -> tuple[SaidPairs, np.ndarray]:
    """Pairs that the owner spoke of, and the scores of pairs that he did not, float64 (m,)."""
    words = {_ends(app, verdict): verdict for verdict in app.store.verdicts.standing() if verdict.kind != "keep"}
    said = {ends: verdict.kind == "together" for ends, verdict in words.items() if ends is not None}
    scores = _scores(app, list(said))
    pairs = sorted(scores)
    set_of, sizes = _sets(pairs)
    unsaid = [score for ends, score in app.store.links.sample(_MOST_SILENT).items() if ends not in said]
    return SaidPairs(
        np.array([scores[pair] for pair in pairs], np.float64),
        np.array([said[pair] for pair in pairs], np.bool_),
        np.array([set_of[first] for first, _ in pairs], np.int64),
        np.array([sizes[set_of[first]] for first, _ in pairs], np.float64),
    ), np.array(unsaid, np.float64)


def _ends(app: App, verdict: Verdict) -> Pair | None:
    """The contents of a verdict, the lower first; None where one is not known, or both are one picture."""
    rows = [app.store.contents.by_digest(digest) for digest in verdict.digests]
    known = [row for row in rows if row is not None]
    if len(known) < 2 or known[0].pixel_digest == known[1].pixel_digest:
        return None
    first, second = sorted(row.id for row in known)
    return first, second


def _scores(app: App, pairs: Sequence[Pair]) -> dict[Pair, float]:
    """The scores of pairs: as stored, or compared now. Those that the serving encoder has not seen are left out."""
    known: dict[Pair, float] = {}
    fresh: dict[int, list[int]] = {}
    stored: dict[int, dict[int, float]] = {}
    left = _MOST_COMPARED
    for first, second in reversed(pairs):
        scores = stored.setdefault(first, app.store.links.scores_of(first))
        if second in scores:
            known[first, second] = scores[second]
        elif left:
            left -= 1
            fresh.setdefault(first, []).append(second)
    for number, (first, others) in enumerate(fresh.items()):
        app.progress("comparing what you spoke of", number, len(fresh))
        features = app.store.contents.features([first, *others], app.encoder.encoder_id)
        able = [other for other in others if other in features]
        if first in features and able:
            with suppress(SameshotError):  # what cannot be compared teaches nothing
                found = compare_one(app, features[first], [features[other] for other in able])
                known |= {(first, other): pair.score for other, pair in zip(able, found, strict=True)}
    return known


def _sets(pairs: Iterable[Pair]) -> tuple[dict[int, int], dict[int, int]]:
    """In which set each content is, where pairs that share one are of one set, and how many each set holds."""
    set_of: dict[int, int] = {}
    members: dict[int, set[int]] = {}
    for first, second in pairs:
        one, other = (set_of.setdefault(content, content) for content in (first, second))
        joined = members.setdefault(one, {one}) | members.setdefault(other, {other})
        members[one] = joined
        set_of |= dict.fromkeys(joined, one)
    return set_of, {name: len(members[name]) for name in set(set_of.values())}


# ---------------------------------------------------------------- the best of a group


def choices(app: App) -> Choices:
    """Pairs of photos of one group of which the owner chose the one, and groups of which he said nothing."""
    said: list[tuple[np.ndarray, int, int]] = []
    silent: list[tuple[np.ndarray, int]] = []
    for number, (group, deleted) in enumerate(_shots(app)):
        present = [member.content for member in group.members]
        facts = facts_of(app.store, [*present, *deleted])
        ratings = rate(facts)
        digests = {content: row.digest for content, row in app.store.contents.get(present).items()}
        kept = app.store.verdicts.keeps(digests.values())
        chosen = {content for content in present if digests[content] in kept}
        words = _words(facts, [content for content in present if content in facts], chosen, deleted & facts.keys())
        spoken = len({content for pair in words for content in pair})
        said += [(_row(ratings, pair), number, spoken) for pair in words]
        if not words and ratings:
            # As shipped: were it what stands by now, a lesson would be its own witness.
            best = max(sorted(ratings), key=lambda content: ratings[content].value)
            silent += [(_row(ratings, (best, other)), number) for other in sorted(ratings.keys() - {best})]
    return Choices(
        STRENGTHS,
        np.array([row for row, _, _ in said], np.float64).reshape(-1, len(STRENGTHS)),
        np.array([number for _, number, _ in said], np.int64),
        np.array([count for _, _, count in said], np.float64),
        np.array([row for row, _ in silent], np.float64).reshape(-1, len(STRENGTHS)),
        np.array([number for _, number in silent], np.int64),
    )


def _row(ratings: Mapping[int, Rating], pair: Pair) -> np.ndarray:
    one, other = ([ratings[content].shares[name] for name in STRENGTHS] for content in pair)
    return difference(one, other)


def _shots(app: App) -> Iterator[tuple[Group, set[int]]]:
    """Each group that is not kept whole, and each photo that is alone by now, with what was deleted beside it."""
    deleted_by: dict[int, set[int]] = {}
    for gone in _deleted(app):
        scores = app.store.links.scores_of(gone)
        present = app.store.photos.copies(content for content, score in scores.items() if score >= app.link_threshold)
        rows = app.store.contents.get([gone, *present])
        # Of one picture in two files either may go, by `dedupe` too: that is no choice between photos.
        if present and rows[gone].pixel_digest not in {rows[content].pixel_digest for content in present}:
            deleted_by.setdefault(max(sorted(present), key=scores.__getitem__), set()).add(gone)
    for group in app.store.groups.all():
        members = [member.content for member in group.members]
        beside = set().union(*(deleted_by.pop(content, set()) for content in members))
        if not belongs_together(group.kind):
            yield group, beside
    for alone, beside in sorted(deleted_by.items()):
        yield Group("", alone, (Membership(alone, 1.0, "itself"),)), beside


def _deleted(app: App) -> Iterator[int]:
    """Contents whose files are all gone. What is on a disk that is away was never said to be gone."""
    contents = app.store.contents.ids()
    photos_of = app.store.photos.photos_of(set(contents) - app.store.photos.copies(contents).keys())
    photos = app.store.photos.get(photo for ids in photos_of.values() for photo in ids)
    for content, ids in photos_of.items():
        if all(photo in photos and photos[photo].missing_since_s is not None for photo in ids):
            yield content


def _words(facts: Mapping[int, Facts], present: Sequence[int], chosen: set[int], deleted: set[int]) -> list[Pair]:
    """Pairs of (chosen, other): of two photos only what speaks first is heard."""
    found: dict[frozenset[int], Pair] = {}

    def say(winners: Iterable[int], others: Iterable[int]) -> None:
        for winner, other in product(winners, others):
            if winner != other:
                found.setdefault(frozenset((winner, other)), (winner, other))

    say(sorted(chosen), [content for content in present if content not in chosen] if chosen else ())
    stars = {content: facts[content].capture.rating or 0 for content in present}
    for one, other in combinations(present, 2):
        if stars[one] != stars[other]:
            better, worse = (one, other) if stars[one] > stars[other] else (other, one)
            say([better], [worse])
    say(*_exported(facts, present))
    say(present, sorted(deleted))
    return list(found.values())


def _exported(facts: Mapping[int, Facts], present: Sequence[int]) -> tuple[list[int], list[int]]:
    """Frames of the moment at which an edited photo of the group was taken, and frames of other moments."""
    moments = {content: (facts[content].capture.camera, facts[content].capture.taken_at) for content in present}
    timed = [content for content in present if moments[content][1] is not None]
    edited = {moments[content] for content in timed if is_edited(facts[content])}
    frames = [content for content in timed if not is_edited(facts[content])]
    worked_on = [content for content in frames if moments[content] in edited]
    return worked_on, [content for content in frames if moments[content] not in edited] if worked_on else []
