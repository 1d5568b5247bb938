"""New photos put into an order that exists, each where it lengthens the path least.

Comes in: vectors of all photos, the order of the old ones, and which photos are one shot. Goes out: the order of all.
The old ones keep theirs. A photo of a group that is in the order goes beside it; no other group is cut open. Refuses
vectors that are not finite. (Cheapest insertion: Rosenkrantz, Stearns and Lewis 1977.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sameshot.errors import BadInput
from sameshot.plan.rank_neighbours import distances

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

_BLOCK_BYTES = 64 << 20


def insert_order(
    vectors: NDArray[np.float32],
    order: NDArray[np.int64],
    *,
    keys: Sequence[bytes],
    groups: Sequence[Hashable | None] | None = None,
) -> NDArray[np.int64]:
    """All photos in rank order, int64 (n,): `order`, with every other photo put in.

    vectors: float32 (n, d). order: int64 (m,), indexes of the photos that have a rank; at least one. keys and groups as
    for `rank_order`.

    Raises BadInput when a vector is not finite.
    """
    if not np.isfinite(vectors).all():
        raise BadInput("a photo's vector is not finite, so it has no place in the order", "Look at the photos anew")
    numbers: dict[Hashable, int] = {}
    block = np.array(
        [-1 if group is None else numbers.setdefault(group, len(numbers)) for group in groups or [None] * len(vectors)],
        np.int64,
    )
    new = np.setdiff1d(np.arange(len(vectors)), order)
    new = np.array(sorted(new.tolist(), key=lambda index: keys[index]), np.int64)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    edges = distances(vectors, order[:-1], order[1:])
    height = max(1, _BLOCK_BYTES // (4 * len(vectors)))
    for start in range(0, len(new), height):
        rows = new[start : start + height]
        apart = squares[rows, None] + squares - 2 * (vectors[rows] @ vectors.T)
        np.sqrt(np.maximum(apart, 0, out=apart), out=apart)
        for photo, away in zip(rows.tolist(), apart, strict=True):
            place = _cheapest(away[order], edges, block[order], int(block[photo]))
            order = np.insert(order, place, photo)
            beside = away[order[max(0, place - 1) : place + 2]]
            # At either end one edge is new, elsewhere two take the place of one.
            inner = 0 < place < len(order) - 1
            added = beside[[0, 2]] if inner else beside[[-1]] if place == 0 else beside[[0]]
            kept_from = place if inner else max(0, place - 1)
            edges = np.concatenate([edges[: max(0, place - 1)], added, edges[kept_from:]])
    return order


def _cheapest(away: NDArray[np.float32], edges: NDArray[np.float32], block: NDArray[np.int64], own: int) -> int:
    """The position in the path at which a photo costs least: `away` from each on it, of group `own` (-1: none)."""
    cost = np.concatenate([away[:1], away[:-1] + away[1:] - edges, away[-1:]])
    within = (block[:-1] == block[1:]) & (block[1:] >= 0)
    if own >= 0 and (block == own).any():
        mine = np.concatenate([[False], block == own, [False]])
        cost[~(mine[:-1] | mine[1:])] = np.inf
    cost[1:-1][within & (block[1:] != own)] = np.inf
    return int(cost.argmin())
