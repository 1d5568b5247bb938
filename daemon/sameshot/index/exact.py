"""Exact search: one float32 matrix that is multiplied whole. The fallback, and the oracle of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sameshot.index.cosine import Neighbour, Vector, exact_cosines, ranked, rounding_margin

_FIRST_CAPACITY = 256


class ExactNeighbours:
    """Unit vectors by id, dense in memory: 4 bytes a number, up to twice that while it grows."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._rows: NDArray[np.float32] = np.empty((0, dimension), np.float32)
        self._reaches: NDArray[np.float64] = np.empty(0, np.float64)
        self._ids: list[int] = []
        self._row_of: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, content_id: int) -> bool:
        return content_id in self._row_of

    def items(self) -> Iterator[tuple[int, Vector]]:
        """Every id and its unit vector."""
        return zip(list(self._ids), self._rows, strict=False)

    def add(self, content_id: int, unit: Vector) -> None:
        """Hold a unit vector; that of a known id is replaced."""
        row = self._row_of.get(content_id)
        if row is None:
            row = len(self._ids)
            if row == len(self._rows):
                grown = np.empty((max(_FIRST_CAPACITY, 2 * row), self._dimension), np.float32)
                grown[:row] = self._rows
                self._reaches = np.concatenate([self._reaches, np.full(len(grown) - row, -1.0)])
                self._rows = grown
            self._ids.append(content_id)
            self._row_of[content_id] = row
        self._rows[row] = unit

    def remove(self, content_id: int) -> None:
        """Forget an id; the last row fills its place. Unknown ids are ignored."""
        row = self._row_of.pop(content_id, None)
        if row is None:
            return
        last_id = self._ids.pop()
        if last_id != content_id:
            self._rows[row] = self._rows[len(self._ids)]
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

    def reaches(self) -> Iterator[tuple[int, float]]:
        """Every id and its reach, -1 where it is not bounded."""
        return zip(list(self._ids), self._reaches.tolist(), strict=False)

    def wanting(self, unit: Vector, minimum_cosine: float) -> list[Neighbour]:
        """All with a cosine of at least `minimum_cosine` and of their own reach, highest first, ties by id."""
        reaches = np.maximum(self._reaches[: len(self)], minimum_cosine)
        near = self._rounded(unit) >= reaches - rounding_margin(self._dimension)
        return [
            found
            for found in self._scored(unit, near)
            if found[1] >= minimum_cosine and found[1] >= self._reaches[self._row_of[found[0]]]
        ]

    def search(self, unit: Vector, minimum_cosine: float) -> list[Neighbour]:
        """All with a cosine of at least `minimum_cosine`, highest first, ties by id."""
        near = self._rounded(unit) >= minimum_cosine - rounding_margin(self._dimension)
        return [found for found in self._scored(unit, near) if found[1] >= minimum_cosine]

    def nearest(self, unit: Vector, count: int) -> list[Neighbour]:
        """The `count` nearest (fewer when there are fewer), highest cosine first, ties by id."""
        count = min(count, len(self))
        if count <= 0:
            return []
        rounded = self._rounded(unit)
        last = np.partition(rounded, len(self) - count)[len(self) - count]
        return self._scored(unit, rounded >= last - 2 * rounding_margin(self._dimension))[:count]

    def _rounded(self, unit: Vector) -> NDArray[np.float32]:
        return self._rows[: len(self)] @ unit

    def _scored(self, unit: Vector, chosen: NDArray[np.bool_]) -> list[Neighbour]:
        rows = np.flatnonzero(chosen)
        return ranked([self._ids[row] for row in rows], exact_cosines(unit, self._rows[rows]))
