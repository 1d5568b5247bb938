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
        self._count = 0
        self._blocks: list[NDArray[np.float32]] = []
        self._reaches: NDArray[np.float64] = np.empty(0, np.float64)
        """By row, as is `_ids`."""
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._rows: NDArray[np.int32] = np.empty(0, np.int32)
        """By content id, -1 where none is held: ids are small, as a table hands them out."""

    def __len__(self) -> int:
        return self._count

    def __contains__(self, content_id: int) -> bool:
        return self._row_of(content_id) >= 0

    def vector(self, content_id: int) -> Vector:
        """The unit vector of a held id."""
        return self._row(self._row_of(content_id)).copy()

    def items(self) -> Iterator[tuple[int, Vector]]:
        """Every id and its unit vector."""
        return ((content_id, self._row(row)) for row, content_id in enumerate(self._ids[: len(self)].tolist()))

    def handed_over(self) -> Iterator[tuple[int, Vector]]:
        """Every id and its unit vector, each block let go when it was told: nothing is held in the end."""
        ids = self._ids[: len(self)].tolist()
        self._count, self._rows = 0, np.empty(0, np.int32)
        for start in range(0, len(ids), _BLOCK):
            yield from zip(ids[start : start + _BLOCK], self._blocks.pop(0), strict=False)

    def add(self, content_id: int, unit: Vector) -> None:
        """Hold a unit vector; that of a known id is replaced."""
        row = self._row_of(content_id)
        if row < 0:
            row = self._count
            self._make_room(row, content_id)
            self._reaches[row], self._ids[row], self._rows[content_id] = -1.0, content_id, row
            self._count += 1
        self._row(row)[:] = unit

    def _make_room(self, row: int, content_id: int) -> None:
        if row == len(self._blocks) * _BLOCK:
            self._blocks.append(np.empty((_BLOCK, self._dimension), np.float32))
        if row == len(self._ids):
            self._ids = np.concatenate([self._ids, np.zeros(_BLOCK, np.int64)])
            self._reaches = np.concatenate([self._reaches, np.zeros(_BLOCK)])
        if content_id >= len(self._rows):
            grown = np.full(max(content_id + 1, len(self._rows) * 5 // 4), -1, np.int32)
            grown[: len(self._rows)] = self._rows
            self._rows = grown

    def remove(self, content_id: int) -> None:
        """Forget an id; the last row fills its place. Unknown ids are ignored."""
        row = self._row_of(content_id)
        if row < 0:
            return
        self._count -= 1
        last, last_id = self._count, self._ids[self._count]
        self._row(row)[:] = self._row(last)
        self._reaches[row], self._ids[row], self._rows[last_id] = self._reaches[last], last_id, row
        self._rows[content_id] = -1

    def set_reach(self, content_id: int, cosine: float) -> bool:
        """Bound how far a content's own search goes; whether that is news. Unknown ids are ignored."""
        row = self._row_of(content_id)
        if row < 0 or self._reaches[row] == cosine:
            return False
        self._reaches[row] = cosine
        return True

    def reach(self, content_id: int) -> float:
        """How far a content's own search goes; -1 where it is not bounded. Raises KeyError on unknown ids."""
        if content_id not in self:
            raise KeyError(content_id)
        return float(self._reaches[self._row_of(content_id)])

    def reaches(self) -> Iterator[tuple[int, float]]:
        """Every id and its reach, -1 where it is not bounded."""
        return zip(self._ids[: len(self)].tolist(), self._reaches[: len(self)].tolist(), strict=True)

    def around(self, unit: Vector, minimum_cosine: float, count: int) -> tuple[list[Neighbour], list[Neighbour]]:
        """All that want this one, and the `count` nearest; each highest first, ties by id.

        Wanting: with a cosine of at least `minimum_cosine` and of their own reach.
        """
        rounded = self._rounded(unit)
        bounds = np.maximum(self._reaches[: len(self)], minimum_cosine)
        near = self._scored(unit, rounded >= bounds - rounding_margin(self._dimension))
        wanting = [found for found in near if found[1] >= bounds[self._row_of(found[0])]]
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
        return ranked(self._ids[rows].tolist(), found)

    def _row_of(self, content_id: int) -> int:
        """The row of an id, -1 where it is not held."""
        return int(self._rows[content_id]) if 0 <= content_id < len(self._rows) else -1

    def _row(self, row: int) -> Vector:
        held: Vector = self._blocks[row // _BLOCK][row % _BLOCK]
        return held
