"""What the store knows of the members of groups, rated as they are shipped or as the owner's choices taught.

Comes in: groups as sets of contents. Goes out: a rating for each content, against the others of its group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sameshot.group.quality import Facts, Rating, rate
from sameshot.store.store import Store
from sameshot.way.learned import weights


def rated(store: Store, groups: Iterable[Sequence[int]]) -> dict[int, Rating]:
    """Returns each content's rating within its group; those that were never looked at are left out."""
    groups = list(groups)
    facts = facts_of(store, [content for members in groups for content in members])
    learned = weights(store)
    found: dict[int, Rating] = {}
    for members in groups:
        found |= rate({content: facts[content] for content in members if content in facts}, learned)
    return found


def facts_of(store: Store, contents: Sequence[int]) -> Mapping[int, Facts]:
    """Returns what ratings are made of, of each content that was looked at. A sidecar's stars go before the file's."""
    qualities, sizes = store.contents.qualities(contents), store.contents.sizes_px(contents)
    captures, rows = store.contents.captures(contents), store.contents.get(contents)
    inspections = store.inspections.get(contents)
    captures |= {
        content: replace(captures[content], rating=rating)
        for content, rating in store.photos.ratings(contents).items()
        if content in captures
    }
    return {
        content: Facts(
            qualities[content],
            sizes[content][0] * sizes[content][1],
            rows[content].format,
            captures[content],
            inspections.get(content),
        )
        for content in contents
        if content in qualities
    }
