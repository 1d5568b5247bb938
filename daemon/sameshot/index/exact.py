"""Exact search: float32 matrices that are multiplied whole. The fallback, and the oracle of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sameshot.index.cosine import Neighbour, Vector, exact_cosines, ranked, rounding_margin

_BLOCK = 4096
"""Rows that are allocated together: what is held never has to be copied to make room."""
_SCORED_AT_ONCE = 256


class ExactNeighbours:
    """Unit vectors by id, dense in memory: 4 bytes a number."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._blocks: list[NDArray[np.float32]] = []
        self._reaches: NDArray[np.float64] = np.empty(0, np.float64)
        self._ids: list[int] = []
        self._row_of: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, content_id: int) -> bool:
        return content_id in self._row_of

    def items(self) -> Iterator[tuple[int, Vector]]:
        """Every id and its unit vector."""
        return ((content_id, self._row(row)) for row, content_id in enumerate(list(self._ids)))

    def add(self, content_id: int, unit: Vector) -> None:
        """Hold a unit vector; that of a known id is replaced."""
        row = self._row_of.get(content_id)
        if row is None:
            row = len(self._ids)
            if row == len(self._blocks) * _BLOCK:
                self._blocks.append(np.empty((_BLOCK, self._dimension), np.float32))
                self._reaches = np.concatenate([self._reaches, np.full(_BLOCK, -1.0)])
            self._reaches[row] = -1.0
            self._ids.append(content_id)
            self._row_of[content_id] = row
        self._row(row)[:] = unit

    def remove(self, content_id: int) -> None:
        """Forget an id; the last row fills its place. Unknown ids are ignored."""
        row = self._row_of.pop(content_id, None)
        if row is None:
            return
        last_id = self._ids.pop()
        if last_id != content_id:
            self._row(row)[:] = self._row(len(self._ids))
            self._reaches[row] = self._reaches[len(self._ids)]
            self._ids[row] = last_id
            self._row_of[last_id] = row

    def set_reach(self, content_id: int, cosine: float) -> bool:
        """Bound how far a content's own search goes; whether that is news. Unknown ids are ignored."""
        row = self._row_of.get(content_id)
        if row is None or self._reaches[row] == cosine:
            return False
        self._reaches[row] = cosine
        return True

    def reach(self, content_id: int) -> float:
        """How far a content's own search goes; -1 where it is not bounded. Raises KeyError on unknown ids."""
        return float(self._reaches[self._row_of[content_id]])

    def reaches(self) -> Iterator[tuple[int, float]]:
        """Every id and its reach, -1 where it is not bounded."""
        return zip(list(self._ids), self._reaches.tolist(), strict=False)

    def around(self, unit: Vector, minimum_cosine: float, count: int) -> tuple[list[Neighbour], list[Neighbour]]:
        """All that want this one, and the `count` nearest; each highest first, ties by id.

        Wanting: with a cosine of at least `minimum_cosine` and of their own reach.
        """
        rounded = self._rounded(unit)
        bounds = np.maximum(self._reaches[: len(self)], minimum_cosine)
        near = self._scored(unit, rounded >= bounds - rounding_margin(self._dimension))
        wanting = [found for found in near if found[1] >= bounds[self._row_of[found[0]]]]
        return wanting, self._nearest(unit, rounded, count)

    def search(self, unit: Vector, minimum_cosine: float) -> list[Neighbour]:
        """All with a cosine of at least `minimum_cosine`, highest first, ties by id."""
        near = self._rounded(unit) >= minimum_cosine - rounding_margin(self._dimension)
        return [found for found in self._scored(unit, near) if found[1] >= minimum_cosine]

    def nearest(self, unit: Vector, count: int) -> list[Neighbour]:
        """The `count` nearest (fewer when there are fewer), highest cosine first, ties by id."""
        return self._nearest(unit, self._rounded(unit), count)

    def _nearest(self, unit: Vector, rounded: NDArray[np.float32], count: int) -> list[Neighbour]:
        count = min(count, len(self))
        if count <= 0:
            return []
        last = np.partition(rounded, len(self) - count)[len(self) - count]
        return self._scored(unit, rounded >= last - 2 * rounding_margin(self._dimension))[:count]

    def _rounded(self, unit: Vector) -> NDArray[np.float32]:
        """All cosines, as float32 products round them."""
        rounded = np.empty(len(self), np.float32)
        for start, block in zip(range(0, len(self), _BLOCK), self._blocks, strict=False):
            held = rounded[start : start + _BLOCK]
            np.dot(block[: len(held)], unit, out=held)
        return rounded

    def _scored(self, unit: Vector, chosen: NDArray[np.bool_]) -> list[Neighbour]:
        rows = np.flatnonzero(chosen).tolist()
        found: list[float] = []
        for start in range(0, len(rows), _SCORED_AT_ONCE):
            part = [self._row(row) for row in rows[start : start + _SCORED_AT_ONCE]]
            found += exact_cosines(unit, np.array(part))
        return ranked([self._ids[row] for row in rows], found)

    def _row(self, row: int) -> Vector:
        held: Vector = self._blocks[row // _BLOCK][row % _BLOCK]
        return held
