"""Which photos show the same shot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.model import Kind, PhotoView
from sameshot.way.library import check_known, everything


@dataclass(frozen=True, slots=True)
class GroupedPhoto:
    """`quality`: 0..1, comparable inside its group. `score`, `certified_by`: why it is in it, as `model.Membership`."""

    path: Path
    quality: float
    score: float
    certified_by: str
    companions: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """One shot; `photos` begin with the representative."""

    id: str
    kind: Kind
    representative: Path
    photos: tuple[GroupedPhoto, ...]


@dataclass(frozen=True, slots=True)
class FailedPhoto:
    """A photo that could not be looked at."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class GroupsResult:
    """Every known photo is in exactly one of the three."""

    groups: tuple[ShownGroup, ...]
    alone: tuple[Path, ...]
    failed: tuple[FailedPhoto, ...]


def groups(app: App, *, paths: tuple[Path, ...] = ()) -> GroupsResult:
    """Returns all groups, or those with a photo below one of `paths`. Raises BadInput where no photo is known."""
    check_known(app.store, paths, app.roots)
    found, alone = everything(app.store, paths)
    return GroupsResult(
        groups=tuple(
            ShownGroup(
                group.id,
                group.kind,
                group.representative.path,
                tuple(map(_shown, group.photos)),
            )
            for group in found
        ),
        alone=tuple(view.path for view in alone),
        failed=tuple(
            FailedPhoto(path, reason)
            for path, reason in app.store.photos.failed()
            if not paths or any(path.is_relative_to(folder) for folder in paths)
        ),
    )


def _shown(view: PhotoView) -> GroupedPhoto:
    assert view.membership is not None
    return GroupedPhoto(
        view.path,
        view.quality,
        round(view.membership.score, 4),
        view.membership.certified_by,
        tuple(file.path for file in view.companions),
    )
