"""Duplicates: sets of copies from the store, what may go, and where to.

Comes in: the store, the journal, what the owner wants. Goes out: a plan of kind "dedupe". Companions have no digest in
the store, so those of photos that have copies are read here. Refuses, as BadInput, a quarantine that is watched.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from sameshot.apply.journal import Journal
from sameshot.apply.trash import Trash, trash_for
from sameshot.errors import BadInput
from sameshot.filing.plans import catalogues_beside, names_in
from sameshot.model import PhotoView, Plan, StepOutcome
from sameshot.plan.duplicates import Copy, Keep, duplicates_plan
from sameshot.plan.names import Names
from sameshot.store.store import Store
from sameshot.way.grouping import kept_whole

To = Literal["quarantine", "trash"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the owner asked for. `paths`: photos elsewhere stay; empty: any may go. `quarantine`: None for the default.

    `verified`: also copies that differ in metadata alone.
    """

    to: To
    keep: Keep = "best"
    paths: tuple[Path, ...] = ()
    reference: tuple[Path, ...] = ()
    quarantine: Path | None = None
    verified: bool = False


def plan_duplicates(
    store: Store, journal: Journal, wanted: Wanted, roots: Collection[Path], now: datetime
) -> tuple[Plan, tuple[Path, ...]]:
    """Plans to take every copy of a photo but one out of the way; with the quarantines or trashes that take them.

    Raises BadInput when the quarantine lies in a watched folder or the other way round, or a disk has no trash.
    """
    linked = {location.source for location in journal.locations() if location.action in ("hardlink", "symlink")}
    sets = list(_sets(store, verified=wanted.verified))
    whole = kept_whole(store, {view.content for views in sets for view in views})
    copies = [
        [Copy(view, _companions(view), _why_it_stays(view, wanted, linked)) for view in views]
        for views in sets
        if whole.isdisjoint(view.content for view in views)
    ]
    frames = sum(len(views) for views in sets) - sum(len(views) for views in copies)
    places = _Places([*store.roots.all(), *roots], wanted, now)
    plan = duplicates_plan(
        copies,
        keep=wanted.keep,
        place=places.of,
        favoured={digest for views in sets for digest in store.verdicts.chosen(view.digest for view in views)},
        catalogues=catalogues_beside({view.path.parent for views in sets for view in views}, store.roots.all()),
    )
    if frames:
        why = f"{frames} copies stay: they are frames of brackets, focus stacks, panoramas or time-lapses, kept whole."
        plan = replace(plan, warnings=(*plan.warnings, why))
    return plan, tuple(places.tops)


def learn_removed(store: Store, outcomes: Iterable[StepOutcome], now_s: float) -> set[int]:
    """Tells the store what is out of the way now; returns the contents that lost a photo."""
    gone = [outcome.step.source for outcome in outcomes if outcome.done]
    photos = [photo for path in gone if (photo := store.photos.at(path)) is not None]
    store.photos.set_missing(gone, now_s)
    return {photo.content_id for photo in photos if photo.content_id is not None}


def check_quarantine(quarantine: Path, roots: Iterable[Path]) -> None:
    """Raises BadInput when what is put there would arrive again as new photos."""
    real = Path(os.path.realpath(quarantine))
    for root in roots:
        real_root = Path(os.path.realpath(root))
        if real.is_relative_to(real_root) or real_root.is_relative_to(real):
            raise BadInput(
                f"The quarantine {quarantine} and the folder {root} lie inside each other",
                "Name a folder of its own: --quarantine DIR",
            )


def _sets(store: Store, *, verified: bool) -> Iterable[list[PhotoView]]:
    """Copies that are present, the photos of one content or, `verified`, of one picture; single photos too."""
    ids = store.contents.ids()
    rows = store.contents.get(ids)
    by_picture: dict[bytes, list[PhotoView]] = defaultdict(list)
    for content, views in store.photos.views(ids).items():
        row = rows[content]
        by_picture[row.pixel_digest if verified else row.digest] += views
    return [views for _, views in sorted(by_picture.items()) if len(views) > 1]


def _why_it_stays(view: PhotoView, wanted: Wanted, linked: Collection[Path]) -> str:
    for folder in wanted.reference:
        if view.path.is_relative_to(folder):
            return f"it is in the reference folder {folder}"
    if wanted.paths and not any(view.path.is_relative_to(folder) for folder in wanted.paths):
        return "it is outside the folders that were named"
    if view.path in linked:
        return "sameshot filed links that lead to it"
    return ""


def _companions(view: PhotoView) -> Mapping[Path, bytes | None]:
    return {file.path: _digest(file.path) for file in view.companions}


def _digest(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None


class _Places:
    """Where each photo of one plan goes; no two files get one name."""

    def __init__(self, roots: Collection[Path], wanted: Wanted, now: datetime) -> None:
        self._wanted, self._now = wanted, now
        self.tops: dict[Path, None] = {}
        """The quarantines and trashes that were chosen."""
        self._roots = sorted(set(roots), key=lambda root: len(root.parts), reverse=True)
        self._names = Names(cache(_names_in_either))
        self._trash_for = cache(trash_for)

    def of(self, view: PhotoView) -> Sequence[tuple[Path, str]]:
        """Returns the target of the primary and of each companion, and the trash's note on it."""
        files = [view.path, *(file.path for file in view.companions)]
        trash = self._trash(view) if self._wanted.to == "trash" else None
        folder = trash.files if trash else self._quarantine(view)
        names = self._names.claim(folder, view.path.name, view.path.name, [path.name for path in files[1:]])
        return [
            (folder / name, trash.info_text(path, self._now) if trash else "")
            for path, name in zip(files, names, strict=True)
        ]

    def _quarantine(self, view: PhotoView) -> Path:
        """The folder has the place in the quarantine that it has in its root."""
        root = next((root for root in self._roots if view.path.is_relative_to(root)), view.path.parent)
        quarantine = self._wanted.quarantine or root.parent / f"{root.name} duplicates"
        if quarantine not in self.tops:
            check_quarantine(quarantine, [*self._roots, *self._wanted.reference])
            self.tops[quarantine] = None
        return Path(quarantine, root.name, view.path.parent.relative_to(root))

    def _trash(self, view: PhotoView) -> Trash:
        trash = self._trash_for(view.path.parent)
        if trash is None:
            raise BadInput(
                f"The disk that holds {view.path.parent} has no trash, and none can be made",
                "Name a folder instead: --to quarantine --quarantine DIR",
            )
        self.tops[trash.folder] = None
        return trash


def _names_in_either(folder: Path) -> frozenset[str]:
    """What a folder holds; of a trash also the names that its notes have taken."""
    notes = names_in(folder.parent / "info") if folder.name == "files" else frozenset()
    return names_in(folder) | {name.removesuffix(".trashinfo") for name in notes}
