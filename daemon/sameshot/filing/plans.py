"""Plans for what is known, and what the store must learn when they have happened.

Comes in: the store, the journal and what the owner wants. Goes out: plans (nothing has happened yet), and the store in
line with what was done or undone, so that sameshot's own moves and copies are never taken for new photos. Facts of a
file are taken over only where they show it to be the file that was known: the digest in the store is of that one. One
that another program wrote meanwhile keeps the facts it was known by, so that the next sweep sees that it changed, and
a plan made before that is refused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sameshot.apply.history import BatchRecord, Location, locations
from sameshot.apply.journal import Journal
from sameshot.model import Action, FileStat, GroupView, PhotoView, Plan, Step, StepOutcome
from sameshot.plan.batches import within_batches
from sameshot.plan.folders import folder_plan
from sameshot.plan.warnings import is_catalogue_folder, program_of
from sameshot.store.store import Store
from sameshot.way.arrival import stat_of
from sameshot.way.library import everything

_COARSE_NS = 2 * 10**9
"""What a filesystem may take off a file's time, as vfat does."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a library is laid out. `batch_size`: photos in one batch folder, None without such folders.

    `merged`: False keeps each group within its batch, so that one shot may have a folder in several.
    """

    layout: str
    outliers: str | None = None
    batch_size: int | None = None
    merged: bool = True

    def divided(self, store: Store) -> tuple[list[GroupView], list[PhotoView]]:
        """Returns all groups and all photos that are alone, as this shape divides them."""
        groups, alone = everything(store)
        if self.merged or self.batch_size is None:
            return groups, alone
        return within_batches(groups, alone, self.batch_size)


def plan_folders(
    store: Store,
    journal: Journal,
    *,
    action: Action,
    library: Path,
    shape: Shape,
    only: Collection[int] | None = None,
) -> Plan:
    """Plans to file every group beneath `library`, or of them the photos in `only`. Raises BadInput on a bad layout."""
    filed, brought = _filed(store, journal)
    groups, alone = shape.divided(store)
    plan = folder_plan(
        groups,
        alone,
        action=action,
        library=library,
        layout=shape.layout,
        outliers=shape.outliers,
        batch_size=shape.batch_size,
        taken=cache(names_in),
        filed=filed,
        brought=brought,
        roots=list(store.roots.all()),
        catalogues=catalogues_beside(
            {view.path.parent for group in groups for view in group.photos}, store.roots.all()
        ),
    )
    if only is None:
        return plan
    units = {step.unit for step in plan.steps if (photo := store.photos.at(step.source)) and photo.id in only}
    return Plan(plan.kind, tuple(step for step in plan.steps if step.unit in units), plan.warnings)


def fingerprint(plan: Plan) -> str:
    """Returns a short text that two plans share only when they would do the same to the same files."""
    parts = [f"{step.action}\0{step.source}\0{step.target}\0{step.stat}" for step in plan.steps]
    return hashlib.sha256("\0\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def learn_done(store: Store, outcomes: Iterable[StepOutcome]) -> None:
    """Tells the store where files are now that a plan has happened."""
    with store.transaction():
        for outcome in outcomes:
            step = outcome.step
            stat = stat_of(step.target)
            photo = store.photos.at(step.source)
            if not outcome.done or stat is None or photo is None:
                continue
            if step.action == "move":
                rename_known(store, step.source, step.target, stat)
            elif photo.primary.path == step.source:
                _add_copy(store, photo.id, step, stat)
            _refresh(store, photo.id)


def learn_undone(store: Store, outcomes: Iterable[StepOutcome]) -> None:
    """Tells the store where files are again; the outcomes bear the steps that were taken back."""
    with store.transaction():
        for outcome in outcomes:
            step = outcome.step
            photo = store.photos.at(step.target)
            stat = stat_of(step.source)
            if outcome.done and step.kept is not None and stat is not None:  # a duplicate is back
                known = store.photos.file_at(step.source)
                store.photos.update_stat(step.source, _as_known(known.stat, stat) if known else stat)
                store.photos.set_present([step.source])
            if not outcome.done or photo is None:
                continue
            if step.action != "move":
                store.photos.remove_file(step.target)
            elif stat is not None:
                rename_known(store, step.target, step.source, stat)
            _refresh(store, photo.id)


def learn_journal(store: Store, records: list[BatchRecord]) -> None:
    """Catches up with steps that happened although the store was not told: a crash came between."""
    duplicates = {batch.batch for batch in records if batch.kind == "dedupe"}
    with store.transaction():
        for location in locations(records):
            if location.batch in duplicates:
                continue  # no longer among the photos: the next sweep finds them gone
            stat = stat_of(location.target)
            photo = store.photos.at(location.source)
            if stat is None or photo is None or store.photos.at(location.target) is not None:
                continue
            if location.action == "move":
                rename_known(store, location.source, location.target, stat)
            elif photo.primary.path == location.source:
                _add_copy(store, photo.id, location, stat)


def rename_known(store: Store, old: Path, new: Path, found: FileStat) -> None:
    """Tells the store that the file known at `old` is at `new`, where `found` is what there is now."""
    known = store.photos.file_at(old)
    if known is not None:
        store.photos.move_file(old, new, _as_known(known.stat, found))


def names_in(folder: Path) -> frozenset[str]:
    """Returns the names that exist in a folder; none where it does not exist."""
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def _add_copy(store: Store, photo_id: int, made: Step | Location, found: FileStat) -> None:
    """A copy that was edited already gets its source's size and time, which it does not have."""
    known = store.photos.file_at(made.source)
    if known is not None and made.action != "symlink" and not _has_size_and_time(known.stat, found):
        found = replace(found, size_bytes=known.stat.size_bytes, mtime_ns=known.stat.mtime_ns)
    store.photos.add_filed(photo_id, made.target, found)


def _refresh(store: Store, photo_id: int) -> None:
    """A link, rename or copy changed no byte but perhaps ctime: what a sweep finds next must be what is known."""
    photo = store.photos.get([photo_id]).get(photo_id)
    if photo is None:
        return
    for file in (photo.primary, *photo.companions):
        found = stat_of(file.path)
        if found is not None:
            store.photos.update_stat(file.path, _as_known(file.stat, found))


def _as_known(known: FileStat, found: FileStat) -> FileStat:
    """`found` when it is of the file that was known, here or brought to another disk; else `known`."""
    same_place = (known.inode, known.size_bytes, known.mtime_ns) == (found.inode, found.size_bytes, found.mtime_ns)
    brought = known.device != found.device and _has_size_and_time(known, found)
    return found if same_place or brought else known


def _has_size_and_time(known: FileStat, found: FileStat) -> bool:
    """A copy has the size and time of its source; an edit is later."""
    return known.size_bytes == found.size_bytes and 0 <= known.mtime_ns - found.mtime_ns < _COARSE_NS


def _filed(store: Store, journal: Journal) -> tuple[dict[int, Path], set[Path]]:
    """Photo id -> where the primary is that the newest batch of group folders brought; the files copied or linked."""
    kinds = {batch.batch: batch.kind for batch in journal.batches()}
    filed: dict[int, Path] = {}
    brought: set[Path] = set()
    for location in journal.locations():
        if kinds[location.batch] != "folders":
            continue
        if location.action != "move":
            brought.add(location.source)
        place = _where_it_is(store, location)
        photo = store.photos.at(place)
        if photo is not None and (location.action != "move" or photo.primary.path == place):
            filed[photo.id] = place
    return filed, brought


def _where_it_is(store: Store, location: Location) -> Path:
    """The place that sameshot gave a file, or of a copy the one that its owner has given it since.

    What was moved is where it is: taken back to an inbox, it may be filed again.
    """
    after = location.stat
    if location.action == "move" or after is None or store.photos.file_at(location.target) is not None:
        return location.target
    for row in store.photos.files_with_inode(after.device, after.inode):
        if row.role == "filed" and _has_size_and_time(after, row.stat):
            return row.path
    return location.target


def catalogues_beside(folders: Iterable[Path], roots: Collection[Path]) -> list[Path]:
    """Returns the catalogue files of other programs beside photos, above them up to their root, or in a folder there.

    Such a folder is known by its name, as Lightroom makes one.
    """
    beside = {above for folder in folders for above in (folder, folder.parent)}
    above = {
        above for folder in beside for above in folder.parents if any(above.is_relative_to(root) for root in roots)
    }
    found = []
    for folder in beside | above:
        for name in names_in(folder):
            if program_of(name) is not None:
                found.append(folder / name)
            elif is_catalogue_folder(name):
                found += [folder / name / inner for inner in names_in(folder / name) if program_of(inner) is not None]
    return sorted(set(found))
