"""Approximate search over a navigable small-world graph, by hnswlib, whose traps are fenced here and nowhere else.

Paper: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable
Small World graphs" (2016). The graph proposes candidates; scores are computed exactly, so what is found is scored as
exact search scores it. What hnswlib would accept in silence never reaches it: vectors are checked before, ids are not
negative, capacity is grown first, k is at most what is alive, a removed id is only marked, and a graph that is one
fifth dead is built anew. Not safe for threads: its owner holds a lock.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import hnswlib
import numpy as np
from numpy.typing import NDArray

from sameshot.index.cosine import Neighbour, Vector, exact_cosines, ranked, rounding_margin

_LINKS_A_NODE = 16
_EFFORT_TO_BUILD = 128
_LEAST_EFFORT = 256
_FIRST_COUNT = 64
_FIRST_CAPACITY = 1024
_DEAD_SHARE = 0.2
_CHUNK = 4096
_PROBES = 32
_WANTING_AMONG = 256


class GraphNeighbours:
    """Unit vectors by id in a graph. `items`: what it holds from the start, no id twice."""

    def __init__(self, dimension: int, items: Iterable[tuple[int, Vector]] = ()) -> None:
        self._dimension = dimension
        self._graph = _empty_graph(dimension, _FIRST_CAPACITY)
        self._reaches = np.empty(0)
        """By content id, NaN where none is held: ids are small, as a table hands them out."""
        self._count = 0
        self._dead: set[int] = set()
        waiting = iter(items)
        while chunk := list(islice(waiting, _CHUNK)):
            self._add_new([content_id for content_id, _ in chunk], np.array([unit for _, unit in chunk]))

    @classmethod
    def load(cls, path: Path, dimension: int, dead: Iterable[int]) -> GraphNeighbours:
        """What `save` wrote. The caller has proved that these are its bytes: a foreign file may crash the process."""
        loaded = cls(dimension)  # without reaches: the caller sets them
        loaded._graph = hnswlib.Index(space="ip", dim=dimension)
        loaded._graph.load_index(str(path))
        loaded._graph.set_num_threads(1)
        loaded._dead = set(dead)
        loaded._hold(one for one in loaded._graph.get_ids_list() if one not in loaded._dead)
        return loaded

    def save(self, path: Path) -> int:
        """Write the graph to `path`; the size in bytes the file must have. hnswlib reports no failure: compare it."""
        self._graph.save_index(str(path))
        return int(self._graph.index_file_size())

    @property
    def dead(self) -> list[int]:
        """Removed ids that the graph still walks through, in order."""
        return sorted(self._dead)

    def finds_itself(self) -> bool:
        """Whether contents from all over the graph are found by their own vectors."""
        ids = self._ids().tolist()
        probes: Iterable[Vector] = self._rows(ids[:: max(1, len(ids) // _PROBES)]) if ids else []
        return all(self.nearest(unit, 1)[0][1] >= exact_cosines(unit, unit[None])[0] for unit in probes)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, content_id: int) -> bool:
        return 0 <= content_id < len(self._reaches) and not np.isnan(self._reaches[content_id])

    def vector(self, content_id: int) -> Vector:
        """The unit vector of a held id."""
        vector: Vector = self._rows([content_id])[0]
        return vector

    def items(self) -> Iterator[tuple[int, Vector]]:
        """Every id and its unit vector, in order of id."""
        for ids in self._chunks():
            yield from zip(ids, self._rows(ids), strict=True)

    def add(self, content_id: int, unit: Vector) -> None:
        """Hold a unit vector; that of a known id is replaced."""
        if content_id in self and np.array_equal(self._rows([content_id])[0], unit):
            return
        if content_id in self or content_id in self._dead:
            self._graph.add_items(unit[None], np.array([content_id], np.uint64), num_threads=1)
            self._dead.discard(content_id)
            self._hold([content_id])
        else:
            self._add_new([content_id], unit[None])

    def remove(self, content_id: int) -> None:
        """Forget an id. Unknown ids are ignored."""
        if content_id not in self:
            return
        self._graph.mark_deleted(content_id)
        self._reaches[content_id] = np.nan
        self._count -= 1
        self._dead.add(content_id)
        if len(self._dead) > _DEAD_SHARE * self._graph.get_current_count():
            fresh = GraphNeighbours(self._dimension, self.items())
            self._graph, self._dead = fresh._graph, set()

    def set_reach(self, content_id: int, cosine: float) -> bool:
        """Bound how far a content's own search goes; whether that is news. Unknown ids are ignored."""
        if content_id not in self or self._reaches[content_id] == cosine:
            return False
        self._reaches[content_id] = cosine
        return True

    def reach(self, content_id: int) -> float:
        """How far a content's own search goes; -1 where it is not bounded. Raises KeyError on unknown ids."""
        if content_id not in self:
            raise KeyError(content_id)
        return float(self._reaches[content_id])

    def around(self, unit: Vector, minimum_cosine: float, count: int) -> tuple[list[Neighbour], list[Neighbour]]:
        """Those near that want this one, and the `count` nearest; each highest first, ties by id.

        Wanting: with a cosine of at least `minimum_cosine` and of their own reach.
        """
        near = self.nearest(unit, max(count, _WANTING_AMONG))
        wanting = [(one, cosine) for one, cosine in near if cosine >= max(minimum_cosine, self._reaches[one])]
        return wanting, near[:count]

    def search(self, unit: Vector, minimum_cosine: float) -> list[Neighbour]:
        """Those found with a cosine of at least `minimum_cosine`, highest first, ties by id."""
        floor = minimum_cosine - rounding_margin(self._dimension)
        count = _FIRST_COUNT
        while True:
            ids, rounded = self._proposed(unit, count)
            if len(ids) == len(self) or rounded.min() < floor:
                return [found for found in self._scored(unit, ids[rounded >= floor]) if found[1] >= minimum_cosine]
            count *= 4

    def nearest(self, unit: Vector, count: int) -> list[Neighbour]:
        """The `count` nearest found, highest cosine first, ties by id."""
        count = min(count, len(self))
        if count <= 0:
            return []
        ids, rounded = self._proposed(unit, count)
        last = np.partition(rounded, len(ids) - count)[len(ids) - count]
        return self._scored(unit, ids[rounded >= last - 2 * rounding_margin(self._dimension)])[:count]

    def _add_new(self, ids: list[int], rows: NDArray[np.float32]) -> None:
        """Add ids that the graph has never seen; many at once use all cores."""
        room = int(self._graph.get_max_elements())
        needed = int(self._graph.get_current_count()) + len(ids)
        if needed > room:  # before the call: one that runs out of room halfway has added the half
            self._graph.resize_index(max(2 * room, needed))
        self._graph.add_items(rows, np.array(ids, np.uint64), num_threads=os.cpu_count() or 1)
        self._hold(ids)

    def _hold(self, ids: Iterable[int]) -> None:
        """Count ids among those held; the reach of one that was not is unbounded."""
        for content_id in ids:
            if content_id >= len(self._reaches):
                grown = np.full(max(2 * len(self._reaches), content_id + 1), np.nan)
                grown[: len(self._reaches)] = self._reaches
                self._reaches = grown
            if np.isnan(self._reaches[content_id]):
                self._reaches[content_id] = -1.0
                self._count += 1

    def _ids(self) -> NDArray[np.int64]:
        """What is held, in order."""
        return np.flatnonzero(~np.isnan(self._reaches)).astype(np.int64)

    def _proposed(self, unit: Vector, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """`count` ids, or all where that is not much more, with their cosines as float32 rounds them."""
        if 4 * count < len(self):
            for effort in (max(_LEAST_EFFORT, 2 * count), max(8 * _LEAST_EFFORT, 16 * count)):
                self._graph.set_ef(effort)
                try:
                    labels, distances = self._graph.knn_query(unit[None], k=count, num_threads=1)
                except RuntimeError:  # it did not reach as many as were asked for; more effort, then all of them
                    continue
                return labels[0].astype(np.int64), 1 - distances[0]
        ids = self._ids()
        rounded = [self._rows(chunk) @ unit for chunk in self._chunks()]
        return ids, np.concatenate(rounded) if rounded else np.empty(0, np.float32)

    def _scored(self, unit: Vector, ids: NDArray[np.int64]) -> list[Neighbour]:
        chosen = ids.tolist()
        return ranked(chosen, exact_cosines(unit, self._rows(chosen))) if chosen else []

    def _chunks(self) -> Iterator[list[int]]:
        ids = self._ids().tolist()
        return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))

    def _rows(self, ids: list[int]) -> NDArray[np.float32]:
        return np.asarray(self._graph.get_items(ids, return_type="numpy"), np.float32)


def _empty_graph(dimension: int, capacity: int) -> hnswlib.Index:
    graph = hnswlib.Index(space="ip", dim=dimension)
    graph.init_index(
        max_elements=capacity, M=_LINKS_A_NODE, ef_construction=_EFFORT_TO_BUILD, allow_replace_deleted=False
    )
    graph.set_num_threads(1)
    return graph
