"""The neighbours of a vector among all contents: exact while they are few, a graph beyond.

Comes in: unit vectors of one encoder, by content id. Goes out: every content whose cosine reaches a minimum, with a
score that depends on the two vectors alone. The index is a cache: it holds nothing that the store does not, and where
its file leaves any doubt it is built anew. Refuses vectors of another dimension, zero ones and those not finite.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sameshot.index.cache import forget, vouched, write_vouched
from sameshot.index.cosine import Neighbour, Vector, unit_vector
from sameshot.index.exact import ExactNeighbours

if TYPE_CHECKING:
    from sameshot.index.graph import GraphNeighbours

EXACT_UNTIL = 150_000
"""Until here exact search costs about as much time as the graph, a quarter less memory, and no rebuild or file."""
_CARRIED_AT_ONCE = 256
_FIRST_DESCENDING = 64


class NeighbourIndex:
    """The neighbours under one encoder. Threads may share it.

    `folder` belongs to the index alone and may be removed at any time. The graph library is loaded only when more than
    `exact_until` contents are held.
    """

    def __init__(self, folder: Path, encoder_id: str, dimension: int, exact_until: int = EXACT_UNTIL) -> None:
        self._folder = folder
        self._encoder_id = encoder_id
        self._dimension = dimension
        self._exact_until = exact_until
        self._lock = threading.RLock()
        self._held: ExactNeighbours | GraphNeighbours = ExactNeighbours(dimension)
        self._coming: GraphNeighbours | None = None
        self._saved_generation: str | None = None

    def of_another(self, encoder_id: str, dimension: int) -> NeighbourIndex:
        """An index of another encoder that holds nothing yet, to take this one's place and folder."""
        return NeighbourIndex(self._folder, encoder_id, dimension, self._exact_until)

    @property
    def exact(self) -> bool:
        """Whether a search finds all there is to find, for certain."""
        return isinstance(self._held, ExactNeighbours)

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, content_id: int) -> bool:
        return content_id in self._held

    def vector(self, content_id: int) -> Vector | None:
        """The unit vector of a content, float32 (dimension,); None where it is not held."""
        with self._lock:
            return self._held.vector(content_id) if content_id in self._held else None

    def add(self, content_id: int, vector: Vector) -> None:
        """Hold the vector, float32 (dimension,), of a content; that of a known content is replaced.

        Raises ValueError on a vector that has no cosine here or a negative id; nothing changes.
        """
        unit = self._unit(content_id, vector)
        with self._lock:
            self._saved_generation = None
            self._held.add(content_id, unit)
            if self._coming is not None and content_id in self._coming:
                self._coming.add(content_id, unit)
            if isinstance(self._held, ExactNeighbours) and len(self._held) > self._exact_until:
                self._move_on(self._held)

    def remove(self, content_id: int) -> None:
        """Forget a content. Unknown ones are ignored."""
        with self._lock:
            self._saved_generation = None
            self._held.remove(content_id)
            if self._coming is not None:
                self._coming.remove(content_id)

    def search(self, vector: Vector, minimum_cosine: float) -> list[Neighbour]:
        """All contents with a cosine of at least `minimum_cosine`, highest first, ties by id.

        Raises ValueError on a vector that has no cosine here.
        """
        unit = unit_vector(vector, self._dimension)
        with self._lock:
            return self._held.search(unit, minimum_cosine)

    def reach(self, content_id: int) -> float:
        """How far a content's own search goes; -1 where it is not bounded. Raises KeyError on unknown ids."""
        with self._lock:
            return self._held.reach(content_id)

    def set_reach(self, content_id: int, cosine: float) -> bool:
        """Bound how far a content's own search goes (see `around`); whether that is news. Unknown ids are ignored."""
        with self._lock:
            if self._coming is not None:
                self._coming.set_reach(content_id, cosine)
            return self._held.set_reach(content_id, cosine)

    def around(self, vector: Vector, minimum_cosine: float) -> tuple[list[Neighbour], Iterator[Neighbour]]:
        """Contents that want this one, and contents from the nearest on, as many as are asked for, none twice.

        A content wants those with a cosine of at least its own reach. All have a cosine of at least `minimum_cosine`;
        highest first, ties by id. What is added meanwhile may be missing in the second.
        Raises ValueError on a vector that has no cosine here.
        """
        unit = unit_vector(vector, self._dimension)
        with self._lock:
            wanting, nearest = self._held.around(unit, minimum_cosine, _FIRST_DESCENDING)
        return wanting, self._descending(unit, minimum_cosine, nearest)

    def _descending(self, unit: Vector, minimum_cosine: float, found: list[Neighbour]) -> Iterator[Neighbour]:
        told: set[int] = set()
        count = _FIRST_DESCENDING
        while True:
            for content_id, cosine in found:
                if cosine < minimum_cosine:
                    return
                if content_id not in told:  # what was added meanwhile moves the others on
                    told.add(content_id)
                    yield content_id, cosine
            if len(found) < count:
                return
            count *= 4
            with self._lock:
                found = self._held.nearest(unit, count)

    def nearest(self, vector: Vector, count: int) -> list[Neighbour]:
        """The `count` nearest contents, fewer when there are fewer, highest first, ties by id.

        Raises ValueError on a vector that has no cosine here.
        """
        unit = unit_vector(vector, self._dimension)
        with self._lock:
            return self._held.nearest(unit, count)

    def load(self, generation: str, vectors: Callable[[], Iterable[tuple[int, Vector]]]) -> bool:
        """Hold exactly what `vectors` yields, from the cache file if it was saved at `generation`; whether it was.

        A file that is absent, older, of another encoder or in any doubt is not used: everything is added anew.
        Raises ValueError when `vectors` yields one that cannot be held; what was held before stays.
        """
        cached = self._cached(generation)
        with self._lock:
            if cached is not None:
                self._held, self._coming, self._saved_generation = cached, None, generation
                return True
            self._held = self._built((content_id, self._unit(content_id, vector)) for content_id, vector in vectors())
            self._coming = self._saved_generation = None
            return False

    def save(self, generation: str) -> bool:
        """Write the cache file for `generation`; whether there is one: an exact index is quick to build and has none.

        Nothing is written when that file is there already. Beside an exact index an earlier one is removed.

        Raises OSError when it cannot be written whole; an earlier file stays valid.
        """
        with self._lock:
            held = self._held
            if isinstance(held, ExactNeighbours):
                forget(self._folder)
                return False
            if self._saved_generation != generation:
                facts = self._facts(generation) | {"count": len(held), "dead": held.dead}
                write_vouched(self._folder, held.save, facts)
                self._saved_generation = generation
            return True

    def _unit(self, content_id: int, vector: Vector) -> Vector:
        if content_id < 0:
            raise ValueError(f"a content id is not negative: {content_id}")
        return unit_vector(vector, self._dimension)

    def _move_on(self, exact: ExactNeighbours) -> None:
        """Carry a part over to the graph, which takes the place of exact search once it holds everything.

        Building it at once would stop the caller for half a minute.
        """
        from sameshot.index.graph import GraphNeighbours  # noqa: PLC0415 - a small collection never needs it

        coming = self._coming or GraphNeighbours(self._dimension)
        missing = (item for item in exact.items() if item[0] not in coming)
        for content_id, unit in islice(missing, _CARRIED_AT_ONCE):
            coming.add(content_id, unit)
        finished = len(coming) == len(exact)
        if finished:
            for content_id, reach in exact.reaches():
                coming.set_reach(content_id, reach)
        self._coming = None if finished else coming
        if finished:
            self._held = coming

    def _built(self, items: Iterator[tuple[int, Vector]]) -> ExactNeighbours | GraphNeighbours:
        exact = ExactNeighbours(self._dimension)
        for content_id, unit in islice(items, self._exact_until):
            exact.add(content_id, unit)
        beyond = list(islice(items, 1))
        if not beyond:
            return exact
        from sameshot.index.graph import GraphNeighbours  # noqa: PLC0415

        return GraphNeighbours(self._dimension, chain(exact.handed_over(), beyond, items))

    def _facts(self, generation: str) -> dict[str, Any]:
        return {
            "format": f"graph 1, hnswlib {version('hnswlib')}",
            "encoder": self._encoder_id,
            "dimension": self._dimension,
            "generation": generation,
        }

    def _cached(self, generation: str) -> GraphNeighbours | None:
        if not self._folder.is_dir():
            return None
        found = vouched(self._folder, self._facts(generation))
        if found is None or found[1]["count"] <= self._exact_until:
            return None
        from sameshot.index.graph import GraphNeighbours  # noqa: PLC0415

        data, facts = found
        graph = GraphNeighbours.load(data, self._dimension, facts["dead"])
        return graph if len(graph) == facts["count"] and graph.finds_itself() else None
