"""What each threshold would mean for the owner's own photos, from a sample of them.

Comes in: known photos, with their neighbours in the whole library. Goes out: for each threshold how many pairs and how
many photos would be grouped, how many of those are expected to be right, and how many changed photos would be found.

Truth comes from where there is some: a photo changed here (resized, cropped, turned ...) is the same shot; photos that
look alike but were taken more than a day apart are not, unless the owner put them together. The precision takes the
share of strangers that reach a threshold to be that among those far apart in time, with one more than was seen
(Laplace), and so many strangers to have been compared as the lower half of those far apart makes likely.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path

from sameshot.app import App
from sameshot.compare.thresholds import SHORTLIST_COSINE
from sameshot.errors import SameshotError
from sameshot.model import Features
from sameshot.service.workers import Message
from sameshot.way.comparing import stored_scores
from sameshot.way.looking import compare_one, measured
from sameshot.wire.measures import descriptors_from_message, measure_request
from sameshot.wire.photos import look_from_message, look_request

CHANGES = ("resized", "cropped", "brighter", "turned", "compressed")
_NEIGHBOURS = 12
_CHANGED_PHOTOS = 40
_FAR = timedelta(days=1)
_FEWEST_FAR = 30
"""With fewer pairs far apart in time nothing is said about precision."""
_THRESHOLDS = (*(step / 50 for step in range(50)), 0.99, 0.995, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """A sampled photo and a neighbour. `far`: taken more than a day apart and not put together: they are no pair."""

    score: float
    first: int
    second: int
    far: bool


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold means. `precision`, `recall`: expected, 0..1; None where too little is known to say."""

    threshold: float
    pairs: float
    photos: float
    precision: float | None
    recall: float | None


def measure_sample(app: App, size: int, also: Sequence[float] = ()) -> tuple[list[Point], list[ScoredPair], int]:
    """Returns a point for each threshold, the pairs they come from, and how many photos were drawn.

    `also`: thresholds, 0..1, that get a point besides those that always do.
    """
    present = sorted(app.store.photos.copies(app.store.contents.ids()))
    drawn = sorted(random.Random(0).sample(present, min(size, len(present))))
    pairs = []
    for number, content in enumerate(drawn):
        app.progress("comparing", number, len(drawn))
        pairs += _neighbours_of(app, content)
    changed = sorted(random.Random(1).sample(drawn, min(_CHANGED_PHOTOS, len(drawn))))
    found = list(_changed_scores(app, changed))
    return points_of(pairs, found, len(drawn), len(present), also), pairs, len(drawn)


def points_of(
    pairs: Sequence[ScoredPair], positives: Sequence[float], drawn: int, known: int, also: Sequence[float] = ()
) -> list[Point]:
    """Returns a point for each threshold, those of `also` among them, the lowest first.

    `pairs`: of `drawn` photos among `known`; `positives`: of changed photos.
    """
    factor = known / max(drawn, 1)
    far = sorted(pair.score for pair in pairs if pair.far)
    strangers = _strangers_among([pair.score for pair in pairs], far)
    points = []
    for threshold in sorted({*_THRESHOLDS, *also}):
        alike = [pair for pair in pairs if pair.score >= threshold]
        false_share = (sum(score >= threshold for score in far) + 1) / (len(far) + 2)
        # Where no pair is left there is nothing to be right about: such a threshold promises nothing.
        precision = max(0.0, 1 - false_share * strangers / len(alike)) if alike else None
        recall = sum(score >= threshold for score in positives) / len(positives) if positives else None
        points.append(
            Point(
                threshold,
                round(factor * len(alike) / 2, 1),
                round(factor * len({pair.first for pair in alike}), 1),
                None if precision is None or len(far) < _FEWEST_FAR else round(precision, 5),
                None if recall is None else round(recall, 4),
            )
        )
    return points


def _strangers_among(scores: Sequence[float], far: Sequence[float]) -> float:
    """How many of `scores` are of strangers: as many as there are low ones, by the share of `far`, in order, so low."""
    if not far:
        return len(scores)
    low = far[len(far) // 2]
    return min(len(scores), sum(score <= low for score in scores) * len(far) / sum(score <= low for score in far))


def _neighbours_of(app: App, content: int) -> list[ScoredPair]:
    """The content's pairs: as stored where it was compared by the method in force, and else compared now."""
    encoder_id = app.encoder.encoder_id
    vector = app.store.contents.vector(content, encoder_id)
    near = app.index.nearest(vector, _NEIGHBOURS + 1)
    others = [other for other, cosine in near if other != content and cosine >= SHORTLIST_COSINE]
    others = [other for other in others if other in app.store.photos.copies(others)]
    stored = stored_scores(app.store, content, app.method.id, encoder_id)
    scores = {other: stored[other] for other in others if other in stored}
    if fresh := [other for other in others if other not in scores]:
        scores |= _compared(app, content, fresh)
    captures = app.store.contents.captures([content, *scores])
    taken = {c: capture.taken_at for c, capture in captures.items()}
    digests = {c: row.digest for c, row in app.store.contents.get([content, *scores]).items()}
    together = app.store.verdicts.pairs_among(digests.values()).together
    return [
        ScoredPair(
            score, content, other,
            far=(one := taken.get(content)) is not None
            and (two := taken.get(other)) is not None
            and abs(one - two) > _FAR
            and tuple(sorted((digests[content], digests[other]))) not in together,
        )
        for other, score in scores.items()
    ]  # fmt: skip


def _compared(app: App, content: int, others: Sequence[int]) -> dict[int, float]:
    chosen = [] if app.method.measure is None else [app.method.measure]
    views = app.store.photos.views([content, *others])
    features = app.store.contents.features([content, *others], app.encoder.encoder_id)
    ready: dict[int, Features] = {}
    for one in (content, *others):
        if one in views and one in features:
            ready[one] = measured(app, views[one][0].path, features[one], chosen)
            for measure in chosen:
                if measure.dear and measure.descriptor not in features[one].descriptors:
                    app.store.contents.save_descriptor(
                        one, measure.descriptor, ready[one].descriptors[measure.descriptor]
                    )
    if content not in ready:
        return {}
    able = [other for other in others if other in ready]
    pairs = compare_one(app, ready[content], [ready[other] for other in able], chosen)
    return {other: pair.score for other, pair in zip(able, pairs, strict=True)}


def _changed_scores(app: App, contents: Sequence[int]) -> Iterator[float]:
    """The scores of photos with changed versions of themselves. Those that cannot be read now are passed over."""
    chosen = [] if app.method.measure is None else [app.method.measure]
    views = app.store.photos.views(contents)
    features = app.store.contents.features(contents, app.encoder.encoder_id)
    for number, (content, change) in enumerate(product(contents, CHANGES)):
        app.progress("changing photos", number, len(contents) * len(CHANGES))
        if content not in views or content not in features:
            continue
        path = views[content][0].path
        try:
            original = measured(app, path, features[content], chosen)
            other = _changed(app, path, change)
        except (SameshotError, OSError):
            continue
        yield compare_one(app, original, [other], chosen)[0].score


def _changed(app: App, path: Path, change: str) -> Features:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        request = look_request(app.encoder)
        reply = app.ask(Message({**request.header, "change": change}), descriptor)
        look = look_from_message(reply, app.encoder.dimension)
        features = Features(look.vector, look.descriptors, look.capture, look.width_px, look.height_px)
        measure = app.method.measure
        if measure is None or not measure.descriptor or measure.descriptor in look.descriptors:
            return features
        request = measure_request([measure])
        reply = app.ask(Message({**request.header, "change": change}), descriptor)
        return replace(features, descriptors=look.descriptors | descriptors_from_message(reply, [measure]))
    finally:
        os.close(descriptor)
