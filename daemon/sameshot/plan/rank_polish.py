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
    vectors: NDArray[np.float32], path: NDArray[np.int64], neighbours: NDArray[np.int64], blocks: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The shortened path, int64 (n,). neighbours: int64 (n, k), nearest first. blocks: int64 (n,), equal within one."""
    tour = _Tour(vectors, path, blocks)
    for _ in range(_ROUNDS):
        made = sum(tour.turn(*candidate) for candidate in _turns(tour, neighbours))
        made += sum(tour.carry(*candidate) for candidate in _carries(tour, neighbours))
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

    def carry(self, end: int, beside: int, step: int) -> bool:
        """Puts the block that ends in `end` next to `beside`, on its `step` side, if that shortens the path."""
        low = high = int(self.position[end])
        while self.bound(end, self.at(low - 1)):
            low -= 1
        while self.bound(end, self.at(high + 1)):
            high += 1
        place = int(self.position[beside])
        far_side = self.at(place + step)
        if low < int(self.position[end]) < high or low <= place <= high or self.bound(beside, far_side):
            return False
        if far_side >= 0 and low <= place + step <= high:
            return False
        before, after = self.at(low - 1), self.at(high + 1)
        first, last = self.at(low), self.at(high)
        far_end = last if end == first else first
        gain = self.distance(before, first) + self.distance(last, after) - self.distance(before, after)
        gain += self.distance(beside, far_side) - self.distance(beside, end) - self.distance(far_end, far_side)
        if gain < _LEAST_GAIN:
            return False
        block = self.path[low : high + 1].copy()
        # Seen along the path the block begins with `end` when it comes after `beside`, and ends with it otherwise.
        if (block[0] == end) != (step > 0):
            block = block[::-1]
        gap = place + 1 if step > 0 else place
        if gap > high:
            self._write(low, np.concatenate([self.path[high + 1 : gap], block]))
        else:
            self._write(gap, np.concatenate([block, self.path[gap:low]]))
        return True

    def _write(self, start: int, stretch: NDArray[np.int64]) -> None:
        self.path[start : start + len(stretch)] = stretch
        self.position[stretch] = np.arange(start, start + len(stretch))


def _turns(tour: _Tour, neighbours: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Pairs worth turning, best first."""
    found: list[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], int]] = []
    for step in (1, -1):
        beside = tour.sides(step)
        everyone = np.arange(len(beside))
        edge = distances(tour.vectors, everyone, beside)
        edge[_bound(tour.blocks, everyone, beside)] = -np.inf
        first, second, near = _pairs(tour, neighbours, edge)
        gain = edge[first] + edge[second] - near - distances(tour.vectors, beside[first], beside[second])
        good = gain > _LEAST_GAIN
        found.append((gain[good], first[good], second[good], step))
    return _best_first(found)


def _carries(tour: _Tour, neighbours: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Blocks worth carrying elsewhere, best first. Only blocks of one photo are weighed here; larger ones are turned."""
    found: list[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], int]] = []
    before, after = tour.sides(-1), tour.sides(1)
    everyone = np.arange(len(before))
    saved = distances(tour.vectors, before, everyone) + distances(tour.vectors, everyone, after)
    saved -= distances(tour.vectors, before, after)
    saved[_bound(tour.blocks, everyone, before) | _bound(tour.blocks, everyone, after)] = -np.inf
    for step, beside in ((1, after), (-1, before)):
        edge = distances(tour.vectors, everyone, beside)
        edge[_bound(tour.blocks, everyone, beside)] = -np.inf
        first, second, near = _pairs(tour, neighbours, saved)
        gain = saved[first] + edge[second] - near - distances(tour.vectors, first, beside[second])
        good = (gain > _LEAST_GAIN) & (beside[second] != first)
        found.append((gain[good], first[good], second[good], step))
    return _best_first(found)


def _pairs(
    tour: _Tour, neighbours: NDArray[np.int64], at_most: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Each photo with those of its neighbours that are nearer than what could be gained."""
    first = np.repeat(np.arange(len(neighbours)), neighbours.shape[1])
    second = neighbours.ravel()
    near = distances(tour.vectors, first, second)
    worth = near < at_most[first]
    return first[worth], second[worth], near[worth]


def _bound(blocks: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
    bound: NDArray[np.bool_] = (first >= 0) & (second >= 0) & (blocks[first] == blocks[second])
    return bound


def _best_first(
    found: list[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], int]],
) -> list[tuple[int, int, int]]:
    gain = np.concatenate([part[0] for part in found])
    first, second = (np.concatenate([part[column] for part in found]) for column in (1, 2))  # type: ignore[misc]
    step = np.concatenate([np.full(len(part[0]), part[3]) for part in found])
    order = np.lexsort((step, second, first, -gain))
    return list(zip(first[order].tolist(), second[order].tolist(), step[order].tolist(), strict=True))
