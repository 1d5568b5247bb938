"""Batches: photos in the order in which they arrived, so many at a time, each batch with a folder of its own.

Comes in: groups, photos alone, and how many photos make a batch. Goes out: the layout with a folder for each batch; for
those who want no group to reach beyond its batch, groups cut at the batches. The number of a photo decides its
batch, so what comes later changes none. Refuses a layout that speaks of batches where there are none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from sameshot.errors import BadInput
from sameshot.plan.layout import has_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sameshot.model import GroupView, PhotoView


def batch_of(photo: PhotoView, batch_size: int | None) -> int:
    """The number of the photo's batch, from 1; 1 where there are no batches."""
    return 1 if batch_size is None else (photo.id - 1) // batch_size + 1


def layout_of_batches(layout: str, batch_size: int | None) -> str:
    """`layout`, beneath a folder for each batch where it names none itself.

    Raises BadInput when it has a field {batch} and nothing says how many photos make one.
    """
    named = has_field(layout, "batch")
    if batch_size is None and named:
        raise BadInput(
            f"the layout {layout!r} has {{batch}}, but nothing says how many photos make a batch",
            "Say it: --batch-size N, or `filing: {batch_size: N}` in the config",
        )
    return layout if named or batch_size is None else "batch {batch}/" + layout


def within_batches(
    groups: Sequence[GroupView], alone: Sequence[PhotoView], batch_size: int
) -> tuple[list[GroupView], list[PhotoView]]:
    """The groups cut where batches meet, and the photos that are alone in their batch."""
    parts: list[GroupView] = []
    single = list(alone)
    for group in groups:
        by_batch: dict[int, list[PhotoView]] = defaultdict(list)
        for photo in group.photos:
            by_batch[batch_of(photo, batch_size)].append(photo)
        for number, photos in sorted(by_batch.items()):
            if len(photos) == 1:
                single += photos
            else:
                parts.append(replace(group, id=f"{group.id} in batch {number}", photos=tuple(photos)))
    return parts, single
