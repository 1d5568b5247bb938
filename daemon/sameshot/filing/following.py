"""Companions that come days after sameshot moved their photo on: found at the old place, and known at the new one.

Comes in: the journal, which knows where photos were, and the disk. Goes out: companions with their photo's old and new
place; the store in line once they followed. Names alone say what belongs together, as for any folder: the photos that
left are paired as if they were still there. A companion that a photo present there could claim stays with that one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from sameshot.apply.journal import Journal
from sameshot.apply.undo import Beside
from sameshot.filing.plans import names_in
from sameshot.model import FoundFile, PhotoView, Plan, Shot, StepOutcome
from sameshot.plan.late import LateCompanion, late_steps
from sameshot.plan.names import unit_names
from sameshot.store.store import Store
from sameshot.watch.companions import pair_shots
from sameshot.watch.ignore import COMPANION_EXTENSIONS, extension
from sameshot.way.arrival import stat_of
from sameshot.way.sidecars import learn_ratings, ratings_of


def late_companions(
    store: Store, journal: Journal, only_in: Collection[Path] | None = None
) -> tuple[list[LateCompanion], list[str]]:
    """Returns companions whose photo was moved away from beside them, and sentences about unclear ones.

    `only_in`: the folders to look into; all that photos were moved from when None.
    """
    left: dict[Path, dict[Path, Path]] = defaultdict(dict)
    duplicates = {batch.batch for batch in journal.batches() if batch.kind == "dedupe"}
    for location in journal.locations():
        is_photo = extension(location.source.name) not in COMPANION_EXTENSIONS
        if location.action == "move" and is_photo and location.batch not in duplicates:
            left[location.source.parent][location.source] = location.target
    late: list[LateCompanion] = []
    unclear: list[str] = []
    for folder in sorted(left) if only_in is None else [folder for folder in only_in if folder in left]:
        found, problems = _late_in(store, folder, left[folder])
        late += found
        unclear += problems
    return late, unclear


def plan_late(store: Store, journal: Journal, plan: Plan, only_in: Collection[Path] | None = None) -> Plan:
    """Returns the plan with a step more for each companion that came late."""
    late, unclear = late_companions(store, journal, only_in)
    steps, warnings = late_steps(late, plan.steps, names_in)
    return Plan(plan.kind, (*plan.steps, *steps), (*plan.warnings, *unclear, *warnings))


def companions_beside() -> Beside:
    """Returns what finds the companions of a photo beside it; it reads each folder once, as it is then.

    They are read off the disk: an editor may have written one since the last sweep.
    """
    shots_in = cache(_shots_in)

    def beside(is_at: Path, was_at: Path, come: Sequence[FoundFile]) -> list[tuple[FoundFile, Path]]:
        files = (*shots_in(is_at.parent).get(is_at, ()), *come)
        names = unit_names(was_at.name, is_at.name, [file.path.name for file in files], "")[1:]
        return [(file, was_at.parent / name) for file, name in zip(files, names, strict=True)]

    return beside


def with_all_companions(views: Iterable[PhotoView]) -> list[PhotoView]:
    """Returns the photos with those companions too that came beside them since they were last swept."""
    shots_in, complete = cache(_shots_in), []
    for view in views:
        known = {file.path for file in view.companions}
        come = tuple(file for file in shots_in(view.path.parent).get(view.path, ()) if file.path not in known)
        complete.append(replace(view, companions=(*view.companions, *come)) if come else view)
    return complete


def _shots_in(folder: Path) -> dict[Path, tuple[FoundFile, ...]]:
    """Photo -> its companions that are no photos themselves: a picture that somebody put there stays where it is."""
    visible = (folder / name for name in sorted(names_in(folder)) if not name.startswith("."))
    there = [FoundFile(path, stat) for path in visible if (stat := stat_of(path)) is not None]
    shots, _ = pair_shots(there)
    return {
        shot.primary.path: tuple(file for file in shot.companions if extension(file.path.name) in COMPANION_EXTENSIONS)
        for shot in shots
    }


def learn_followed(store: Store, outcomes: Iterable[StepOutcome]) -> None:
    """Tells the store of companions that it did not know before, now that they lie beside their photo."""
    for outcome in outcomes:
        path = outcome.step.target
        stat = stat_of(path)
        if not outcome.done or stat is None or store.photos.at(path) is not None:
            continue
        if extension(path.name) not in COMPANION_EXTENSIONS:
            continue
        known = [FoundFile(row.path, row.stat) for row in store.photos.files_in(path.parent) if row.role != "filed"]
        shots, _ = pair_shots([*known, FoundFile(path, stat)])
        owner = next((shot.primary.path for shot in shots if path in {file.path for file in shot.companions}), None)
        photo = store.photos.at(owner) if owner is not None else None
        if photo is not None:
            shot = Shot(photo.primary, (*photo.companions, FoundFile(path, stat)))
            store.photos.set_shot(photo.id, shot)
            learn_ratings(store, ratings_of([shot]))


def learn_parted(store: Store, outcomes: Iterable[StepOutcome]) -> None:
    """After an undo: a companion that is again where its photo is not is no longer known; a sweep may find it anew."""
    for outcome in outcomes:
        photo = store.photos.at(outcome.step.source) if outcome.done else None
        for companion in photo.companions if photo is not None else ():
            if photo is not None and companion.path.parent != photo.primary.path.parent:
                store.photos.remove_file(companion.path)


def _late_in(store: Store, folder: Path, left: dict[Path, Path]) -> tuple[list[LateCompanion], list[str]]:
    there = []
    for name in sorted(names_in(folder)):
        stat = stat_of(folder / name)
        if stat is not None:
            there.append(FoundFile(folder / name, stat))
    present = {file.path for file in there}
    nobody = next((file.stat for file in there), None)
    if nobody is None:
        return [], []
    companions = [file for file in there if extension(file.path.name) in COMPANION_EXTENSIONS]
    photos = [FoundFile(row.path, row.stat) for row in store.photos.files_in(folder) if row.path in present]
    claimed = _claimed(photos, companions)
    gone = [FoundFile(path, nobody) for path in left if path not in present]
    free = [file for file in companions if file.path not in claimed and store.photos.at(file.path) is None]
    shots, unclear = pair_shots([*gone, *free])
    late = [
        LateCompanion(file, shot.primary.path, left[shot.primary.path])
        for shot in shots
        if shot.primary.path in left
        for file in shot.companions
        if file.path in present
    ]
    return late, unclear


def _claimed(photos: list[FoundFile], companions: list[FoundFile]) -> set[Path]:
    """What the photos that are there could claim, clearly or not."""
    alone = {file.path for file in companions} - {photo.path for photo in photos}
    shots, unclear = pair_shots([*photos, *(file for file in companions if file.path in alone)])
    claimed = {file.path for shot in shots for file in shot.companions}
    return claimed | {path for path in alone for sentence in unclear if sentence.startswith(f"{path} ")}
