"""Folders made earlier, batch by batch or by another program, of which several hold the same shot: one of them stays.

Comes in: the photos of the folders beneath one, and which group each is in. Goes out: a plan of moves. The shot of a
folder is the group that most of its photos are of, at least half of them; all photos of a folder go where most of its
shot are, whatever else they show, for whoever put them together had a reason. One stray photo merges nothing, and
folders are never chained. Refuses nothing; folders that become empty stay.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from sameshot.model import PhotoView, Plan
from sameshot.plan.names import Names, Taken
from sameshot.plan.unit import unit_steps
from sameshot.plan.warnings import moving_warnings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path


def merge_plan(
    photos: Sequence[PhotoView],
    groups: Mapping[int, str],
    *,
    above: Path,
    taken: Taken,
    catalogues: Collection[Path] = (),
) -> Plan:
    """The moves that leave one folder for each shot.

    `groups`: photo id -> its group, for those that have one. `above` is the folder that holds the folders: what lies in
    it directly is in none of them. `taken` gives the names that exist in a folder.
    """
    folders: dict[Path, list[PhotoView]] = defaultdict(list)
    for photo in photos:
        if photo.path.parent != above:
            folders[photo.path.parent].append(photo)
    shows: dict[str, list[tuple[int, Path]]] = defaultdict(list)
    for folder, held in folders.items():
        counts = Counter(groups[photo.id] for photo in held if photo.id in groups)
        # Of two shots with half each, the one whose id sorts first.
        shot, count = min(counts.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
        if count and 2 * count >= len(held):
            shows[shot].append((-count, folder))
    names, steps, unit = Names(taken), [], 0
    for _, places in sorted(shows.items(), key=lambda item: min(item[1])[1]):
        (_, home), *others = sorted(places)
        for _, folder in others:
            for photo in sorted(folders[folder], key=lambda photo: str(photo.path)):
                target = home / photo.path.name
                companions = [file for file in photo.companions if file.path.parent == folder]
                why = f"{folder.name} shows the same shot as {home.name}"
                steps += unit_steps(
                    unit, photo, companions, target, action="move", why=why, names=names, filed=None
                )  # fmt: skip
                unit += 1
    return Plan("folders", tuple(steps), tuple(moving_warnings(steps, catalogues)))
