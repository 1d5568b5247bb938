"""Photos as values, and a tree in memory that a plan can be applied to: what the tests of plan/ are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sameshot.model import Capture, FileStat, FoundFile, GroupView, PhotoView, Plan

CAMERA = Path("/photos/camera")
LIBRARY = Path("/photos/library")
NOON = datetime(2024, 5, 17, 12, 0, 0)  # noqa: DTZ001 - a camera has no zone


def stat_of(path: Path) -> FileStat:
    number = int.from_bytes(hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).digest()[:6])
    return FileStat(1, number, 1000, 1_700_000_000_000_000_000, 1_700_000_000_000_000_000)


def photo(
    number: int,
    name: str = "",
    companions: Sequence[str] = (),
    *,
    folder: Path = CAMERA,
    taken_at: datetime | None = NOON,
    camera: str | None = "Test One",
) -> PhotoView:
    path = folder / (name or f"IMG_{number}.jpg")
    files = tuple(FoundFile(folder / companion, stat_of(folder / companion)) for companion in companions)
    return PhotoView(
        id=number,
        content=number,
        path=path,
        stat=stat_of(path),
        digest=hashlib.sha256(str(number).encode()).digest(),
        companions=files,
        width_px=600,
        height_px=400,
        format="JPEG",
        capture=Capture(taken_at=taken_at, camera=camera),
        quality=0.5,
    )


def group(*photos: PhotoView) -> GroupView:
    return GroupView(f"g{photos[0].id}", photos)


class Tree:
    """Files by path. A step whose source is missing or whose target exists is a failure of the plan."""

    def __init__(self, photos: Sequence[PhotoView], others: Sequence[Path] = ()) -> None:
        self.files = {path: path for photo in photos for path in paths_of(photo)}
        self.files.update({path: path for path in others})

    def names_in(self, folder: Path) -> list[str]:
        return [path.name for path in self.files if path.parent == folder]

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            assert step.source in self.files, step
            assert step.target not in self.files, step
            self.files[step.target] = self.files[step.source]
            if step.action == "move":
                del self.files[step.source]


def paths_of(view: PhotoView) -> list[Path]:
    return [view.path, *(companion.path for companion in view.companions)]


def moved(view: PhotoView, plan: Plan) -> PhotoView:
    """The photo as it is known after `plan` moved its files."""
    targets = {step.source: step.target for step in plan.steps if step.action == "move"}
    companions = tuple(replace(file, path=targets.get(file.path, file.path)) for file in view.companions)
    return replace(view, path=targets.get(view.path, view.path), companions=companions)
