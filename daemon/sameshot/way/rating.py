"""What the store knows of the members of groups, rated.

Comes in: groups as sets of contents. Goes out: a rating for each content, against the others of its group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sameshot.group.quality import Facts, Rating, rate
from sameshot.store.store import Store


def rated(store: Store, groups: Iterable[Sequence[int]]) -> dict[int, Rating]:
    """Returns each content's rating within its group; those that were never looked at are left out."""
    groups = list(groups)
    contents = [content for members in groups for content in members]
    qualities, sizes = store.contents.qualities(contents), store.contents.sizes_px(contents)
    captures, rows = store.contents.captures(contents), store.contents.get(contents)
    inspections = store.inspections.get(contents)
    found: dict[int, Rating] = {}
    for members in groups:
        found |= rate(
            {
                content: Facts(
                    qualities[content],
                    sizes[content][0] * sizes[content][1],
                    rows[content].format,
                    captures[content],
                    inspections.get(content),
                )
                for content in members
                if content in qualities
            }
        )
    return found
