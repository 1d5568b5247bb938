"""The photos most like one file, which need not be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.compare.thresholds import SHORTLIST_COSINE
from sameshot.index.cosine import Neighbour, Vector
from sameshot.model import Features, PhotoView
from sameshot.way.comparing import stored_scores
from sameshot.way.looking import compare_one, features_of, known_content, measured
from sameshot.way.series import within_reach

_READ_AHEAD = 3_000
"""So many contents, with the 26 links that each of 2,000 photos had, fill the memory that a connection has for rows."""
_READ_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class SimilarPhoto:
    """`score`: how sure it is that it shows the same shot, 0..1; `cosine`: how alike the two look to the encoder.

    `score` is None where two known photos were not compared: too unlike, or enough others are more alike.
    """

    path: Path
    score: float | None
    cosine: float
    group: str | None


@dataclass(frozen=True, slots=True)
class SimilarResult:
    """The best first. `threshold`: the score from which two photos are of one shot."""

    file: Path
    threshold: float
    photos: tuple[SimilarPhoto, ...]


def similar(app: App, *, file: Path, count: int = 10) -> SimilarResult:
    """Returns the `count` known photos most like `file`. Raises BadInput when it cannot be looked at.

    What a known photo was compared with when it came is told and not compared again: once all is compared no process
    need start, and no descriptor is read from a disk that is busy or asleep.
    """
    content = known_content(app, file)
    vector = None if content is None else app.index.vector(content)
    features = None
    if vector is None:
        content, features = features_of(app, file)
        vector = features.vector
    near, photos = _nearest(app, vector, file, count)
    scores: dict[int, float] = {}
    if content is not None:
        scores = stored_scores(app.store, content, app.method.id, app.encoder.encoder_id) | {content: 1.0}
    wanted = {
        other: photos[other][0].path
        for other, cosine in near
        if other not in scores and (content is None or _counts(app, content, other, cosine))
    }
    if wanted:
        scores |= _compared(app, file, features or features_of(app, file)[1], wanted)
    group_of = app.store.groups.of(other for other, _ in near)
    found = [
        SimilarPhoto(
            view.path, round(scores[other], 4) if other in scores else None, round(cosine, 4), group_of.get(other)
        )
        for other, cosine in near
        for view in photos[other]
        if view.path != file
    ]
    found.sort(key=lambda photo: (-(photo.score or 0.0), -photo.cosine, str(photo.path)))
    return SimilarResult(file, app.link_threshold, tuple(found[:count]))


def read_ahead(app: App) -> None:
    """Reads what answers about the newest contents are made of, so that they wait for no busy disk.

    Of a library of some thousand photos that is all; of larger ones a sweep pushes some of it out again.
    """
    newest = app.store.contents.ids()[-_READ_AHEAD:]
    for start in range(0, len(newest), _READ_AT_ONCE):
        some = newest[start : start + _READ_AT_ONCE]
        app.store.photos.views(some)
        app.store.groups.of(some)
        for content in some:
            app.store.links.scores_of(content)


def _nearest(app: App, vector: Vector, file: Path, count: int) -> tuple[list[Neighbour], dict[int, list[PhotoView]]]:
    """The nearest contents, until `count` photos besides `file` are there now, and their photos."""
    asked = count + 1
    while True:
        near = app.index.nearest(vector, asked)
        photos = app.store.photos.views(other for other, _ in near)
        found = sum(view.path != file for views in photos.values() for view in views)
        if found >= count or len(near) < asked:
            return [(other, cosine) for other, cosine in near if other in photos], photos
        asked *= 2


def _counts(app: App, content: int, other: int, cosine: float) -> bool:
    """Whether two known photos are compared when one of them comes: see way/linking."""
    reaches = {one: app.index.reach(one) for one in (content, other) if one in app.index}
    return cosine >= SHORTLIST_COSINE and within_reach(content, other, cosine, reaches)


def _compared(app: App, file: Path, features: Features, others: Mapping[int, Path]) -> dict[int, float]:
    """The scores of `file` with known photos, by a worker."""
    chosen = [] if app.method.measure is None else [app.method.measure]
    known = app.store.contents.features(others, app.encoder.encoder_id)
    wanted = [measured(app, path, known[other], chosen) for other, path in others.items()]
    scores = compare_one(app, measured(app, file, features, chosen), wanted, chosen)
    return {other: pair.score for other, pair in zip(others, scores, strict=True)}
