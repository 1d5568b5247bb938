"""Links to groups that never chain.

Comes in: contents with an order that does not depend on arrival, links at or above the threshold, and the owner's
constraints. Goes out: sets, each with a hub to which every other member is linked itself or vouched for by the owner.
It refuses nothing: a content without links is a set of its own.

The method is the greedy star cover of J. A. Aslam, E. Pelekhov and D. Rus, "The Star Clustering Algorithm for Static
and Dynamic Information Organization", Journal of Graph Algorithms and Applications 8 (2004), with scores as weights:
single linkage would join A to C through B; a star joins only what is like its centre. The result is a function of the
set of contents and links alone, so the order in which photos arrive cannot change it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sameshot.group.constraints import Constraints
from sameshot.model import Link


@dataclass(frozen=True, slots=True)
class Star:
    """One group in the making: every member but `hub` is linked to it or shares a block of the owner's with it."""

    hub: int
    members: tuple[int, ...]


def partition(
    contents: Sequence[int], links: Iterable[Link], constraints: Constraints, order: Mapping[int, bytes]
) -> list[Star]:
    """Divides `contents` into stars; each content is in exactly one.

    `order` gives each content a key that is the same whatever the order of arrival (its digest). Links to contents
    that are not in `contents` are passed over. Runs in O((contents + links) log contents).
    """
    known = set(contents)
    near: dict[int, dict[int, float]] = {content: {} for content in known}
    for link in links:
        if link.first in known and link.second in known:
            near[link.first][link.second] = link.score
            near[link.second][link.first] = link.score
    block_members: dict[int, list[int]] = {}
    for content in known:
        block_members.setdefault(constraints.block(content), []).append(content)

    left = set(known)
    queue = [(_weakness(near[content], left), order[content], content) for content in known]
    heapq.heapify(queue)
    stars: list[Star] = []
    while queue:
        claimed, key, hub = heapq.heappop(queue)
        if hub not in left:
            continue
        weakness = _weakness(near[hub], left)
        if weakness != claimed:  # neighbours left since: ask again in turn
            heapq.heappush(queue, (weakness, key, hub))
            continue
        members = _gather(hub, near[hub], left, block_members, constraints, order)
        left.difference_update(members)
        stars.append(Star(hub, tuple(sorted(members, key=order.__getitem__))))
    return stars


def _weakness(near: Mapping[int, float], left: set[int]) -> tuple[int, float]:
    """Sorts the strongest hub first: by its free neighbours, then by their scores, summed in an order-free way."""
    scores = sorted(score for other, score in near.items() if other in left)
    return -len(scores), -sum(scores)


def _gather(
    hub: int,
    near: Mapping[int, float],
    left: set[int],
    block_members: Mapping[int, Sequence[int]],
    constraints: Constraints,
    order: Mapping[int, bytes],
) -> list[int]:
    """The hub's whole block, then its free neighbours, the most alike first, unless the owner keeps them apart."""
    blocks = {constraints.block(hub)}
    members = [content for content in block_members[constraints.block(hub)] if content in left]
    for other in sorted((o for o in near if o in left), key=lambda o: (-near[o], order[o])):
        block = constraints.block(other)
        if block not in blocks and not constraints.forbids(block, blocks):
            blocks.add(block)
            members += [content for content in block_members[block] if content in left]
    return members
