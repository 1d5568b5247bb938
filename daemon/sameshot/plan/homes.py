"""Which folder a group has already, from where its photos were brought before.

Comes in: groups and the places of their photos. Goes out: group id -> folder names beneath the library, for the groups
that have one. A folder is home to one group only: to the one with most photos in it. Refuses nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sameshot.plan.safe_text import folded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sameshot.model import GroupView

Home = tuple[str, ...]


def homes_of_groups(
    groups: Sequence[GroupView], library: Path, places: Mapping[int, Path], depth: int, group_depth: int
) -> dict[str, Home]:
    """`places`: photo id -> its file beneath the library. The layout makes `depth` folders, `group_depth` of a group.

    A place at another depth was made by another layout and says nothing.
    """
    counts: Counter[tuple[str, Home]] = Counter()
    for group in groups:
        for photo in group.photos:
            path = places.get(photo.id)
            if group_depth and path is not None and library in path.parents:
                folders = path.relative_to(library).parent.parts
                if len(folders) == depth:
                    counts[group.id, folders[:group_depth]] += 1
    homes: dict[str, Home] = {}
    owned: set[str] = set()
    for (group_id, home), _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        fold = folded("/".join(home))
        if group_id not in homes and fold not in owned:
            homes[group_id] = home
            owned.add(fold)
    return homes
