"""Why two photos are, or are not, of one shot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sameshot.app import App
from sameshot.compare.thresholds import SHORTLIST_COSINE
from sameshot.errors import BadInput, SameshotError
from sameshot.group.clocks import clock_offset
from sameshot.model import Capture, Features
from sameshot.way.certificates import MISSING, certificate, goes_before
from sameshot.way.linking import STRANGERS
from sameshot.way.looking import compare_one, features_of, measured
from sameshot.way.method import every_measure
from sameshot.way.series import within_reach
from sameshot.wording import counted, told_apart


@dataclass(frozen=True, slots=True)
class ExplainResult:
    """`evidence`: each measure's value. `reasons`: sentences, from the measured to what would have to change."""

    first: Path
    second: Path
    score: float
    threshold: float
    same_shot: bool
    evidence: dict[str, float]
    reasons: tuple[str, ...]


def explain(app: App, *, first: Path, second: Path) -> ExplainResult:
    """Compares two files now and tells what their groups say. Raises BadInput when one cannot be looked at."""
    one, features = features_of(app, first)
    other, other_features = features_of(app, second)
    pair = compare_one(app, features, [other_features])[0]
    evidence = compare_one(app, features, [other_features], every=True)[0].evidence
    values, missing = _every_value(app, (first, features), (second, other_features))
    exact = one is not None and one == other
    measure = app.method.measure
    if measure is not None and measure.name not in values:
        raise BadInput(f"{measure.name}: {missing[measure.name]}")
    score = 1.0 if exact else pair.score if measure is None else values[measure.name]
    groups = app.store.groups.of([content for content in (one, other) if content is not None])
    together = exact or (one in groups and other in groups and groups[one] == groups[other])
    return ExplainResult(
        first, second, round(score, 4), app.link_threshold, together if one and other else score >= app.link_threshold,
        {name: round(value, 4) for name, value in ({"pair_score": pair.score} | evidence | values).items()},
        (
            *_reasons(app, one, other, score, pair.evidence["cosine"], exact=exact, together=together),
            *_taken(features.capture, other_features.capture),
            *_not_needed([name for name in evidence if name not in pair.evidence and measure is None and not exact]),
            *_not_computed(missing),
            *_advice(known=one is not None and other is not None, exact=exact, together=together),
        ),
    )  # fmt: skip


def _every_value(
    app: App, first: tuple[Path, Features], second: tuple[Path, Features]
) -> tuple[dict[str, float], dict[str, str]]:
    """Every measure's value of the pair, computed now, and why each of the others cannot be had."""
    (path, one), (other_path, other) = first, second
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    for measure in every_measure(app.config):
        try:
            one, other = measured(app, path, one, [measure]), measured(app, other_path, other, [measure])
            values[measure.name] = compare_one(app, one, [other], [measure])[0].score
        except SameshotError as problem:
            missing[measure.name] = str(problem)
    return values, missing


def _not_needed(names: list[str]) -> list[str]:
    """Which evidence the pair score did without."""
    return [f"The pair score was clear without {', '.join(names)}."] if names else []


def _not_computed(missing: dict[str, str]) -> list[str]:
    """One sentence for each reason, whatever the number of measures it keeps from being computed."""
    names_by_reason: dict[str, list[str]] = {}
    for name, reason in missing.items():
        names_by_reason.setdefault(reason, []).append(name)
    return [f"Not computed: {', '.join(names)}. {reason}." for reason, names in names_by_reason.items()]


def _reasons(
    app: App, one: int | None, other: int | None, score: float, cosine: float, *, exact: bool, together: bool
) -> list[str]:
    threshold = app.link_threshold
    reasons = []
    if exact:
        return ["They are exact copies: the same bytes."]
    passes = score >= threshold
    told, bound = told_apart(score, threshold)
    reasons.append(f"Their score {told} is {'at or above' if passes else 'below'} the threshold {bound}.")
    if one is None or other is None:
        reasons.append("At least one of them is not in the library, so the score alone decides.")
        return reasons
    digests = [row.digest for row in app.store.contents.get([one, other]).values()]
    said = app.store.verdicts.pairs_among(digests)
    if said.together:
        reasons.append("You said that they belong together.")
    if said.apart:
        reasons.append("You said that they are different shots.")
    reasons += _clocks(app, one, other)
    if together:
        reasons += _certificates(app, one, other)
        return reasons
    was_compared = other in app.store.links.scores_of(one)
    if passes and not said.apart and cosine < SHORTLIST_COSINE and not was_compared:
        reasons.append(
            f"Nobody compared them before: their cosine {cosine:.3f} is below {SHORTLIST_COSINE:.3f}, where a photo's "
            "neighbours are looked for."
        )
    elif passes and not said.apart and not within_reach(one, other, cosine, app.store.contents.reaches([one, other])):
        reasons.append(
            f"They are alike, but each has {STRANGERS} photos of other shots that look more like it: a likeness beyond "
            "those does not count by itself, since among so many some pair is alike by chance."
        )
    elif passes and not said.apart:
        reasons.append(
            "They are alike, but the best photo of the one's group is not provably like the other: groups never chain."
        )
    if not passes and not said.apart:
        reasons.append(f"They would be grouped from a score of {threshold:.3f} on.")
    return reasons


def _advice(*, known: bool, exact: bool, together: bool) -> list[str]:
    """What would have to be said to change it; of exact copies nothing can be."""
    if exact or not known:
        return []
    word = "apart" if together else "together"
    return [f"To have them {word}: `sameshot {word} FILE FILE`."]


def _certificates(app: App, one: int, other: int) -> list[str]:
    group_id = app.store.groups.of([one])[one]
    group = app.store.groups.get([group_id])[0]
    views = app.store.photos.views([group.representative, one, other])
    name = views[group.representative][0].path.name if group.representative in views else MISSING
    sentences = [f"Both are in group {group.id} (kind: {group.kind}), which {name} stands for."]
    if group.representative in (one, other):
        behind = other if group.representative == one else one
        members = [member.content for member in group.members]
        name_behind = views[behind][0].path.name if behind in views else MISSING
        reason = goes_before(app, members, (group.representative, name), (behind, name_behind))
        sentences.append(f"{name} goes before {name_behind} {reason}.")
    for member in group.members:
        if member.content in (one, other) and member.content in views:
            name = views[member.content][0].path.name
            sentences += [f"{name}: {told[0].lower()}{told[1:]}" for told in certificate(app, group, member)]
    return sentences


def _taken(first: Capture, second: Capture) -> list[str]:
    """How far apart in time, and with what; only what both files say."""
    told = []
    if first.taken_at is not None and second.taken_at is not None:
        apart = abs(first.taken_at - second.taken_at)
        seconds = apart.total_seconds()
        how_far = f"{seconds:.1f} s" if seconds < 60 else timedelta(seconds=round(seconds))
        told.append(f"{how_far} apart by their cameras' clocks")
    if first.camera is not None and second.camera is not None:
        same = first.camera == second.camera
        told.append(f"both with {first.camera}" if same else f"one with {first.camera}, one with {second.camera}")
    return [f"Taken {', '.join(told)}."] if told else []


def _clocks(app: App, one: int, other: int) -> list[str]:
    """How far the clocks of the two cameras are apart, where two cameras took the two."""
    captures = app.store.contents.captures([one, other])
    cameras = [capture.camera for content in (one, other) if (capture := captures.get(content))]
    first, second = cameras if len(cameras) == 2 else (None, None)
    if first is None or second is None or first == second:
        return []
    offset = clock_offset(app.store.moments.linked_across(first, second, app.link_threshold))
    of = f"the clock of {second} against that of {first}"
    shots = f"{counted(offset.pairs, 'shot')} that both took"
    if offset.offset_s is None:
        return [f"How far off {of} is, is not known: of {shots} too few agree."]
    return [f"By {offset.agreeing} of {shots}, {of} is {offset.offset_s:+.0f} s."]
