"""The order of the rank: one path through all photos on which neighbours are alike.

Comes in: a vector for each photo, and which photos are one shot. Goes out: a permutation. Refuses vectors that are not
finite. The shortest path is not to be had; this one is the greedy one (shortest edges first, among nearest neighbours,
then between the ends of what they made) polished by 2-opt and or-opt. (Bentley 1992, Fast algorithms for geometric
traveling salesman problems.) Photos of one group stay adjacent: their path is made first and never cut.

The result depends on the photos only, not on the order they come in: everything runs in the order of `keys`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from sameshot.errors import BadInput
from sameshot.plan.rank_neighbours import nearest
from sameshot.plan.rank_polish import polished

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

Method = Literal["fast", "exhaustive"]
EXHAUSTIVE_LIMIT = 3_000
"""Photos beyond which every pair is too many."""
_FAST_NEIGHBOURS = 10


def rank_order(
    vectors: NDArray[np.float32],
    *,
    keys: Sequence[bytes],
    groups: Sequence[Hashable | None] | None = None,
    method: Method = "fast",
) -> NDArray[np.int64]:
    """The indexes of the photos in rank order, int64 (n,).

    vectors: float32 (n, d). keys: one for each photo, that tells photos apart and outlives their order (a digest and a
    path). groups: what photos of one shot share, None for a photo that is alone. `fast` weighs each photo's nearest
    neighbours, `exhaustive` every pair.

    Raises BadInput when a vector is not finite, or `exhaustive` is asked for more photos than it can weigh.
    """
    total = len(vectors)
    if not np.isfinite(vectors).all():
        raise BadInput("a photo's vector is not finite, so it has no place in the order", "Look at the photos anew")
    if method == "exhaustive" and total > EXHAUSTIVE_LIMIT:
        raise BadInput(
            f"the exhaustive order weighs every pair, and {total} photos have too many",
            f"Use the fast one beyond {EXHAUSTIVE_LIMIT}",
        )
    if total < 2:
        return np.arange(total)
    canonical = np.array(sorted(range(total), key=lambda index: keys[index]), np.int64)
    sorted_vectors = np.ascontiguousarray(vectors[canonical], np.float32)
    blocks = _blocks([None if groups is None else groups[index] for index in canonical])
    count = min(total - 1, _FAST_NEIGHBOURS if method == "fast" else total - 1)
    indexes, lengths = nearest(sorted_vectors, count)
    path = _greedy_path(sorted_vectors, indexes, lengths, blocks)
    path = polished(sorted_vectors, path, indexes, lengths, blocks)
    return canonical[path if path[0] < path[-1] else path[::-1]]


def _blocks(groups: Sequence[Hashable | None]) -> NDArray[np.int64]:
    """A number for each photo that the photos of its group share."""
    numbers: dict[Hashable, int] = {}
    return np.array(
        [
            numbers.setdefault((group is None, index if group is None else group), len(numbers))
            for index, group in enumerate(groups)
        ],
        np.int64,
    )


class _Fragments:
    """Paths that grow by edges between their ends until one is left."""

    def __init__(self, total: int) -> None:
        self.links: list[list[int]] = [[] for _ in range(total)]
        self.other_end = list(range(total))
        """Of a path's end, the other; of an inner photo, whatever it was."""
        self.left = total

    def join(self, first: int, second: int) -> None:
        """Adds the edge, unless it would branch or close a ring."""
        if len(self.links[first]) > 1 or len(self.links[second]) > 1 or self.other_end[first] == second:
            return
        self.links[first].append(second)
        self.links[second].append(first)
        start, end = self.other_end[first], self.other_end[second]
        self.other_end[start], self.other_end[end] = end, start
        self.left -= 1

    def ends(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.array([member for member in members.tolist() if len(self.links[member]) < 2], np.int64)

    def path(self) -> NDArray[np.int64]:
        last, here = -1, next(index for index, links in enumerate(self.links) if len(links) < 2)
        path = [here]
        while len(path) < len(self.links):
            here, last = next(index for index in self.links[here] if index != last), here
            path.append(here)
        return np.array(path, np.int64)


def _greedy_path(
    vectors: NDArray[np.float32], indexes: NDArray[np.int64], lengths: NDArray[np.float32], blocks: NDArray[np.int64]
) -> NDArray[np.int64]:
    total = len(vectors)
    fragments = _Fragments(total)
    by_block = np.argsort(blocks, kind="stable")
    edges = np.flatnonzero(np.diff(blocks[by_block], prepend=-1))
    for members in np.split(by_block, edges[1:]):
        if len(members) > 1:
            _close(fragments, vectors, members, 1)
    first = np.repeat(np.arange(total), indexes.shape[1])
    _join_shortest(fragments, first, indexes.ravel(), lengths.ravel())
    _close(fragments, vectors, np.arange(total), _FAST_NEIGHBOURS)
    return fragments.path()


def _close(fragments: _Fragments, vectors: NDArray[np.float32], members: NDArray[np.int64], neighbours: int) -> None:
    """Joins all paths whose ends are among `members` into one."""
    paths = {min(end, fragments.other_end[end]) for end in fragments.ends(members).tolist()}
    goal = fragments.left - (len(paths) - 1)
    while fragments.left > goal:
        ends = fragments.ends(members)
        # One more than asked for, because the nearest may be the other end of the same path.
        count = min(len(ends) - 1, neighbours + 1)
        indexes, lengths = nearest(np.ascontiguousarray(vectors[ends]), count)
        _join_shortest(fragments, np.repeat(ends, count), ends[indexes.ravel()], lengths.ravel())


def _join_shortest(
    fragments: _Fragments, first: NDArray[np.int64], second: NDArray[np.int64], lengths: NDArray[np.float32]
) -> None:
    # Most pairs are found from both sides; the matrix product rounds both alike.
    low, high = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((high, low, lengths))
    for one, other in zip(low[order].tolist(), high[order].tolist(), strict=True):
        fragments.join(one, other)
