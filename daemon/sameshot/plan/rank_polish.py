"""Shortens a path by local changes until none helps: 2-opt (turn a stretch round) and or-opt (put a photo elsewhere).

Comes in: vectors, a path, each photo's near neighbours, and blocks that must stay adjacent. Goes out: a path at most
as long, its blocks whole. Refuses nothing. Gains are found for all photos at once by matrix operations; each change is
weighed again just before it is made, because those before it may have moved its ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sameshot.plan.rank_neighbours import distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS = 60
_LEAST_GAIN = 1e-5
"""Below it lies the noise of float32."""


def polished(
    vectors: NDArray[np.float32],
    path: NDArray[np.int64],
    neighbours: NDArray[np.int64],
    lengths: NDArray[np.float32],
    blocks: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The shortened path, int64 (n,).

    neighbours: int64 (n, k), nearest first, `lengths` away. blocks: int64 (n,), equal for photos that stay adjacent.
    """
    tour = _Tour(vectors, path, blocks)
    for _ in range(_ROUNDS):
        made = sum(tour.turn(*candidate) for candidate in _turns(tour, neighbours, lengths))
        made += sum(tour.carry(*candidate) for candidate in _carries(tour, neighbours, lengths))
        if not made:
            break
    return tour.path


class _Tour:
    """The path while it changes. Positions -1 and n are the open ends: no photo, no distance, index -1."""

    def __init__(self, vectors: NDArray[np.float32], path: NDArray[np.int64], blocks: NDArray[np.int64]) -> None:
        self.vectors = vectors
        self.blocks = blocks
        self.path = path.copy()
        self.position = np.empty_like(path)
        self.position[path] = np.arange(len(path))

    def at(self, position: int) -> int:
        return int(self.path[position]) if 0 <= position < len(self.path) else -1

    def distance(self, first: int, second: int) -> float:
        if first < 0 or second < 0:
            return 0.0
        apart = self.vectors[first] - self.vectors[second]
        return float(np.sqrt(apart @ apart))

    def bound(self, first: int, second: int) -> bool:
        """Whether the edge between two photos is within a block and must stay."""
        return first >= 0 and second >= 0 and bool(self.blocks[first] == self.blocks[second])

    def sides(self, step: int) -> NDArray[np.int64]:
        """For each photo the next one (`step` 1) or the one before (-1); -1 at the ends."""
        beside = np.full(len(self.path), -1, np.int64)
        if step > 0:
            beside[self.path[:-1]] = self.path[1:]
        else:
            beside[self.path[1:]] = self.path[:-1]
        return beside

    def turn(self, first: int, second: int, step: int) -> bool:
        """Makes `first` and `second` neighbours by turning round what lies between them, if that shortens the path."""
        one, other = int(self.position[first]), int(self.position[second])
        after_first, after_second = self.at(one + step), self.at(other + step)
        if after_first == second or after_second == first:
            return False
        if self.bound(first, after_first) or self.bound(second, after_second):
            return False
        before = self.distance(first, after_first) + self.distance(second, after_second)
        after = self.distance(first, second) + self.distance(after_first, after_second)
        if before - after < _LEAST_GAIN:
            return False
        low, high = min(one, other), max(one, other)
        low, high = (low + 1, high + 1) if step > 0 else (low, high)
        self._write(low, self.path[low:high][::-1].copy())
        return True

    def carry(self, photo: int, beside: int, step: int) -> bool:
        """Puts `photo` next to `beside`, on its `step` side, if that shortens the path."""
        here, place = int(self.position[photo]), int(self.position[beside])
        before, after, far_side = self.at(here - 1), self.at(here + 1), self.at(place + step)
        if far_side == photo or self.bound(beside, far_side) or self.bound(before, photo) or self.bound(photo, after):
            return False
        gain = self.distance(before, photo) + self.distance(photo, after) - self.distance(before, after)
        gain += self.distance(beside, far_side) - self.distance(beside, photo) - self.distance(photo, far_side)
        if gain < _LEAST_GAIN:
            return False
        gap = place + 1 if step > 0 else place
        if gap > here:
            self._write(here, np.append(self.path[here + 1 : gap], photo))
        else:
            self._write(gap, np.append(photo, self.path[gap:here]))
        return True

    def _write(self, start: int, stretch: NDArray[np.int64]) -> None:
        self.path[start : start + len(stretch)] = stretch
        self.position[stretch] = np.arange(start, start + len(stretch))


def _turns(tour: _Tour, neighbours: NDArray[np.int64], lengths: NDArray[np.float32]) -> list[tuple[int, int, int]]:
    """Pairs worth turning, best first."""
    found: list[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], int]] = []
    for step in (1, -1):
        beside = tour.sides(step)
        everyone = np.arange(len(beside))
        edge = distances(tour.vectors, everyone, beside)
        edge[_bound(tour.blocks, everyone, beside)] = -np.inf
        first, second, near = _pairs(neighbours, lengths, edge)
        gain = edge[first] + edge[second] - near - distances(tour.vectors, beside[first], beside[second])
        good = gain > _LEAST_GAIN
        found.append((gain[good], first[good], second[good], step))
    return _best_first(found)


def _carries(tour: _Tour, neighbours: NDArray[np.int64], lengths: NDArray[np.float32]) -> list[tuple[int, int, int]]:
    """Photos worth carrying elsewhere, best first; blocks of several photos are only ever turned."""
    found: list[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], int]] = []
    before, after = tour.sides(-1), tour.sides(1)
    everyone = np.arange(len(before))
    saved = distances(tour.vectors, before, everyone) + distances(tour.vectors, everyone, after)
    saved -= distances(tour.vectors, before, after)
    saved[_bound(tour.blocks, everyone, before) | _bound(tour.blocks, everyone, after)] = -np.inf
    for step, beside in ((1, after), (-1, before)):
        edge = distances(tour.vectors, everyone, beside)
        edge[_bound(tour.blocks, everyone, beside)] = -np.inf
        first, second, near = _pairs(neighbours, lengths, saved)
        gain = saved[first] + edge[second] - near - distances(tour.vectors, first, beside[second])
        good = (gain > _LEAST_GAIN) & (beside[second] != first)
        found.append((gain[good], first[good], second[good], step))
    return _best_first(found)


def _pairs(
    neighbours: NDArray[np.int64], lengths: NDArray[np.float32], at_most: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Each photo with those of its neighbours that are nearer than what could be gained."""
    first, column = np.nonzero(lengths < at_most[:, None])
    return first, neighbours[first, column], lengths[first, column]


def _bound(blocks: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
    bound: NDArray[np.bool_] = (first >= 0) & (second >= 0) & (blocks[first] == blocks[second])
    return bound


def _best_first(
    found: list[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], int]],
) -> list[tuple[int, int, int]]:
    gain = np.concatenate([part[0] for part in found])
    first, second = (np.concatenate([part[column] for part in found]) for column in (1, 2))
    step = np.concatenate([np.full(len(part[0]), part[3]) for part in found])
    order = np.lexsort((step, second, first, -gain))
    return list(zip(first[order].tolist(), second[order].tolist(), step[order].tolist(), strict=True))
