"""The photos most like one file, which need not be known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.way.looking import compare_one, features_of, measured


@dataclass(frozen=True, slots=True)
class SimilarPhoto:
    """`score`: how sure it is that it shows the same shot, 0..1; `cosine`: how alike the two look to the encoder."""

    path: Path
    score: float
    cosine: float
    group: str | None


@dataclass(frozen=True, slots=True)
class SimilarResult:
    """The best first. `threshold`: the score from which two photos are of one shot."""

    file: Path
    threshold: float
    photos: tuple[SimilarPhoto, ...]


def similar(app: App, *, file: Path, count: int = 10) -> SimilarResult:
    """Returns the `count` known photos most like `file`. Raises BadInput when it cannot be looked at."""
    content, features = features_of(app, file)
    near = app.index.nearest(features.vector, count + 1)
    photos = app.store.photos.views(other for other, _ in near)
    near = [(other, cosine) for other, cosine in near if other in photos]
    known = app.store.contents.features([other for other, _ in near], app.encoder.encoder_id)
    chosen = [] if app.method.measure is None else [app.method.measure]
    features = measured(app, file, features, chosen)
    others = [measured(app, photos[other][0].path, known[other], chosen) for other, _ in near]
    scores = compare_one(app, features, others, chosen)
    group_of = app.store.groups.of(other for other, _ in near)
    found = [
        SimilarPhoto(
            view.path, 1.0 if other == content else round(pair.score, 4), round(cosine, 4), group_of.get(other)
        )
        for (other, cosine), pair in zip(near, scores, strict=True)
        for view in photos[other]
        if view.path != file
    ]
    found.sort(key=lambda photo: (-photo.score, -photo.cosine, str(photo.path)))
    return SimilarResult(file, app.link_threshold, tuple(found[:count]))
