"""Group folders: which file goes where, so that the photos of one shot lie together beneath the library.

Comes in: all groups and photos alone, the layout, what was filed before, and what the target folders hold. Goes out: a
plan of kind "folders"; showing it is the dry run. A photo that was filed, or lies where it belongs, gets no step, so a
second plan after the first is empty; a photo that joins a filed group goes where the group is. No rank prefix
comes along. Refuses a bad layout with BadInput. Reads no disk and no clock.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sameshot.model import Action, GroupView, PhotoView, Plan
from sameshot.plan.batches import batch_of, layout_of_batches
from sameshot.plan.homes import homes_of_groups
from sameshot.plan.layout import Facts, Place, check_layout, place
from sameshot.plan.names import Names, Taken
from sameshot.plan.rank_keys import unranked_name
from sameshot.plan.safe_text import cut, folded, split_name
from sameshot.plan.unit import unit_steps
from sameshot.plan.warnings import filing_warnings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

_STEM_IN_GROUP_NAME_BYTES = 80
_SHAPE = Facts(datetime(2000, 1, 1), "group", "camera", "kind", "name", 1, 1)  # noqa: DTZ001 - only its depth is read


def folder_plan(
    groups: Sequence[GroupView],
    alone: Sequence[PhotoView],
    *,
    action: Action,
    library: Path,
    layout: str,
    outliers: str | None,
    taken: Taken,
    filed: Mapping[int, Path],
    brought: Collection[Path] = (),
    roots: Collection[Path] = (),
    catalogues: Collection[Path] = (),
    batch_size: int | None = None,
) -> Plan:
    """The steps that file every group, and with `outliers` every photo that is alone.

    `groups` are all groups, those filed before included: their folders keep their names, and new ones count on.
    `outliers` is a folder or layout beneath the library, None when photos that are alone stay where they are.
    `taken` gives the names that exist in a folder. `filed`: photo id -> where an earlier batch brought its primary;
    `brought`: the files that earlier batches copied or linked, where they still are.
    `roots` are the watched folders, `catalogues` the catalogue files of other programs found beside the photos.
    `batch_size`: how many photos share a number {batch}, in order of arrival; a group has that of its representative.

    Raises BadInput when a layout is wrong.
    """
    layout = layout_of_batches(layout, batch_size)
    check_layout(layout)
    places = {photo.id: photo.path for group in groups for photo in group.photos} if action == "move" else {}
    wanted = _wanted_in_groups(groups, layout, library, {**places, **filed}, batch_size)
    if outliers is not None:
        check_layout(outliers, alone=True)
        wanted += _wanted_alone(alone, outliers, batch_size)
    names, steps, warnings = Names(taken), [], []
    for _, spot, _ in wanted:
        for depth, folder in enumerate(spot.folders):
            names.use(library.joinpath(*spot.folders[:depth]), folder)
    known: set[Path] = set()
    for unit, (photo, spot, why) in enumerate(wanted):
        if photo.path in known:
            continue
        companions = [file for file in photo.companions if file.path not in known]
        if len(companions) < len(photo.companions):
            warnings.append(f"{photo.path} shares a companion with another photo; it goes with the first of them.")
        known.update((photo.path, *(file.path for file in companions)))
        target = library.joinpath(*spot.folders, spot.name)
        steps += unit_steps(
            unit,
            photo,
            companions,
            target,
            action=action,
            why=why,
            names=names,
            filed=filed.get(photo.id),
            brought=brought,
        )
    return Plan("folders", tuple(steps), (*warnings, *filing_warnings(action, library, steps, roots, catalogues)))


def moment(photo: PhotoView) -> datetime:
    """When the photo was taken by its camera's clock, else when its file was written, by this machine's zone."""
    if photo.capture.taken_at is not None:
        return photo.capture.taken_at
    try:
        return datetime.fromtimestamp(photo.stat.mtime_ns / 1e9)  # noqa: DTZ006 - wall clock, as the camera's
    except (OverflowError, ValueError, OSError):
        return datetime(1970, 1, 1)  # noqa: DTZ001 - a file from before or after all calendars


def _wanted_in_groups(
    groups: Sequence[GroupView], layout: str, library: Path, places: Mapping[int, Path], batch_size: int | None
) -> list[tuple[PhotoView, Place, str]]:
    shape = place(layout, _SHAPE)
    homes = homes_of_groups(groups, library, places, len(shape.folders), shape.group_depth)
    ordered = sorted(groups, key=lambda group: (moment(group.representative), str(group.representative.path), group.id))
    numbers = Counter(moment(group.representative).date() for group in ordered if group.id in homes)
    used = {folded("/".join(home)) for home in homes.values()}
    wanted = []
    for group in ordered:
        first = group.representative
        when = moment(first)
        stem = cut(split_name(unranked_name(first.path.name))[0].strip(), _STEM_IN_GROUP_NAME_BYTES)
        while True:
            numbers[when.date()] += group.id not in homes
            label = f"{numbers[when.date()]:02d} {when:%H.%M} {stem}"
            batch = batch_of(first, batch_size)
            spots = [
                place(layout, _facts(photo, when, label, rank, group, batch))
                for rank, photo in enumerate(group.photos, 1)
            ]
            depth = spots[0].group_depth
            home = homes.get(group.id, spots[0].folders[:depth])
            fold = folded("/".join(home))
            if group.id in homes or not depth or fold not in used:
                break
        used.add(fold)
        for photo, spot in zip(group.photos, spots, strict=True):
            count = len(group.photos)
            why = f"stands for a group of {count}" if photo is first else f"same shot as {first.path.name}"
            wanted.append((photo, replace(spot, folders=(*home, *spot.folders[len(home) :])), why))
    return wanted


def _wanted_alone(
    alone: Sequence[PhotoView], outliers: str, batch_size: int | None
) -> list[tuple[PhotoView, Place, str]]:
    template = outliers if outliers.endswith("/") or "{" in outliers.rpartition("/")[2] else outliers + "/"
    ordered = sorted(alone, key=lambda photo: (moment(photo), str(photo.path), photo.id))
    return [
        (photo, place(template, _facts(photo, moment(photo), "", 1, None, batch_of(photo, batch_size))), "alone")
        for photo in ordered
    ]


def _facts(photo: PhotoView, when: datetime, label: str, rank: int, group: GroupView | None, batch: int) -> Facts:
    return Facts(
        moment=when,
        group=label,
        camera=photo.capture.camera or "unknown",
        kind=group.kind if group else "alone",
        name=unranked_name(photo.path.name),
        rank=rank,
        count=len(group.photos) if group else 1,
        batch=batch,
    )
