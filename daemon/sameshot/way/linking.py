"""A content and its neighbours become links, with an effort that does not grow with the collection.

Comes in: a content that was looked at. Goes out: links in the store to all that show the same shot. Neighbours are
compared from the nearest on, until so many strangers (compared, and not the same shot) lie nearer that nothing beyond
them is believed: among a million photos, or among pictures that all look alike to the encoder, thousands reach the
shortlist's cosine. A group of any size is still found whole, since only strangers count.

The **reach** of a content is the cosine of its 16th stranger. A link counts while it is within the reach of either end:
that depends on the set of contents alone, so groups do not depend on the order of arrival. On arrival a content is
compared with its own reach and with all in whose reach it lies; as reaches only shrink, no pair that counts is missed.

What one camera took one after the other is compared beyond the reach too, when grouping asks for it: the frames of a
panorama share less with each other than with strangers. Such a pair counts for recognising sets, and for nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from sameshot.index.cosine import Neighbour
from sameshot.index.neighbours import NeighbourIndex
from sameshot.model import Link, PairScore
from sameshot.service.message import BadMessage, Message
from sameshot.service.workers import Task, TaskFailed, Workers
from sameshot.store.store import Store
from sameshot.way.left_out import may_try_again
from sameshot.way.method import Method
from sameshot.way.second_looks import SecondLooks
from sameshot.wire.measures import measures_as_json
from sameshot.wire.photos import features_to_buffers, scores_from_message

STRANGERS = 16
"""On 555 real photos (523 contents) no stranger was nearer than a match that was found."""
COMPARED_AT_ONCE = 16
"""Candidates in one task: an answer comes soon, a message stays small."""

PAIR_SCORE_READS = ("orb", "phash", "relief")
"""Descriptors that the pair score cannot do without: others that are stored may be a hundred times as large."""
_READS_TOO = ("hues",)
"""Looks of older versions did not keep it, and nobody looks at all photos again for its sake."""
_SET_EVIDENCE = "shift_x"
"""What sets are recognised by in pairs that are no link; without it nobody asks why two are strangers."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Search:
    """One content on its way to its links. `wanting`: those that want it, with their cosines."""

    content: int
    vector: NDArray[np.float32]
    wanting: Sequence[Neighbour]
    farther: Iterator[Neighbour]
    """Neighbours from the nearest on that were not met yet. What arrives meanwhile looks for this one by itself."""
    is_whole: bool = True
    """Whether the content's links are complete afterwards; else the search is for those that want it alone."""
    met: list[Neighbour] = field(default_factory=list)
    tasks: int = 0
    """How many comparing tasks of it are out."""

    def outwards(self) -> Iterator[Neighbour]:
        """Neighbours from the nearest on, as often as wanted for one walk through the index."""
        yield from self.met
        for neighbour in self.farther:
            self.met.append(neighbour)
            yield neighbour


class Linker:
    """Compares contents through the workers. `linked` is called with each content whose links are complete.

    `touched` is called with other contents whose links count no longer.
    """

    def __init__(
        self,
        store: Store,
        index: NeighbourIndex,
        workers: Workers,
        *,
        method: Method,
        second_looks: SecondLooks,
        encoder_id: str,
        shortlist_cosine: float,
        link_threshold: float,
        deadline_s: float,
        linked: Callable[[int], None],
        touched: Callable[[int], None],
    ) -> None:
        self._store, self._index, self._workers = store, index, workers
        self._method, self._second_looks = method, second_looks
        self._encoder_id, self._deadline_s = encoder_id, deadline_s
        self._shortlist_cosine, self._link_threshold = shortlist_cosine, link_threshold
        self._linked, self._touched = linked, touched
        self._left_out = second_looks.left_out
        self._neighbours: set[tuple[int, int]] = set()  # pairs that are under way only because time says so
        self._searching: set[int] = set()  # contents whose links are not complete yet
        self.under_way = 0
        """How many comparing tasks are out."""

    def find_links(self, content: int) -> None:
        """Compares the content with what it was not compared with and should be."""
        self._searching.add(content)
        vector = self._store.contents.vector(content, self._encoder_id)
        self._go_on(_Search(content, vector, *self._index.around(vector, self._shortlist_cosine)))

    def relink(self, content: int) -> None:
        """Links a content again after what counts as the same shot was changed."""
        reach = self._store.links.stranger_cosines([content], self._link_threshold, STRANGERS)[content]
        self._store.contents.set_reaches({content: reach})
        self._index.set_reach(content, -1.0 if reach is None else reach)
        self.find_links(content)

    def compare_neighbours(self, pairs: AbstractSet[tuple[int, int]]) -> set[int]:
        """Compares neighbours in time that are on each other's shortlist, however many strangers lie nearer.

        Returns the contents of those that it compares; they are touched when that is done. What is looking for its
        links just now may find the pair by itself, and is touched then.
        """
        for one, other in sorted(pairs - self._neighbours):
            if one in self._searching or other in self._searching:
                continue
            vector, beside = self._index.vector(one), self._index.vector(other)
            if vector is None or beside is None:
                continue
            cosine = float(np.dot(vector, beside))
            if cosine >= self._shortlist_cosine and self._left_out.able(one, {other: cosine}):
                self._neighbours.add((one, other))
                self._go_on(_Search(one, vector, [(other, cosine)], iter(()), is_whole=False))
        return {end for pair in pairs & self._neighbours for end in pair}

    def _go_on(self, search: _Search) -> None:
        todo = self._candidates(search)
        if not todo:
            self._complete(search)
            return
        measure = self._method.measure
        if measure is None or not measure.descriptor:
            self._compare(search, todo)
        else:
            measured = partial(self._compare_measured, search, todo)
            self._second_looks.measure([search.content, *todo], measure, measured)

    def _candidates(self, search: _Search) -> dict[int, float]:
        """Contents to compare with now, and their cosines: what wants this one, and its own nearest."""
        content = search.content
        scores = self._store.links.scores_of(content)
        todo = {other: cosine for other, cosine in search.wanting if other != content and other not in scores}
        if search.is_whole:
            todo |= self._batch(content, search.vector, scores)
        strangers = 0
        for other, cosine in search.outwards():
            if other == content:
                continue
            if scores.get(other, 0.0) < self._link_threshold:  # not compared yet counts: it may turn out a stranger
                strangers += 1
                if other not in scores:
                    todo[other] = cosine
            if strangers >= STRANGERS:
                break
        return self._left_out.able(content, todo)

    def _batch(self, content: int, vector: NDArray[np.float32], scores: Container[int]) -> dict[int, float]:
        """With `candidates: all`: the others of the content's batch, by the order in which they came."""
        size = self._method.batch_size
        if size is None:
            return {}
        first = (content - 1) // size * size + 1
        others = (o for o in range(first, first + size) if o != content and o not in scores and o in self._index)
        return {o: float(np.dot(vector, self._store.contents.vector(o, self._encoder_id))) for o in others}

    def _compare_measured(self, search: _Search, todo: dict[int, float]) -> None:
        """Goes on once the descriptors are there. What could not be measured is left out, and without a row."""
        if able := self._left_out.able(search.content, todo):
            self._compare(search, able)
        else:
            self._complete(search)

    def _complete(self, search: _Search) -> None:
        if not search.is_whole:
            for other, _ in search.wanting:
                self._neighbours.discard((search.content, other))
                self._touched(other)
            self._touched(search.content)
            return
        self._searching.discard(search.content)
        self._left_out.complete(search.content)
        self._linked(search.content)

    # ---------------------------------------------------------------- one task about one content and some others

    def _compare(self, search: _Search, todo: dict[int, float]) -> None:
        others = list(todo)
        for start in range(0, len(others), COMPARED_AT_ONCE):
            self._submit(search, {other: todo[other] for other in others[start : start + COMPARED_AT_ONCE]})

    def _submit(self, search: _Search, cosines: dict[int, float], tries: int = 1) -> None:
        self.under_way += 1
        search.tasks += 1
        request = partial(self._request, [search.content, *cosines])  # made when a worker is free: it takes memory
        done = partial(self._compared, search, cosines, tries)
        self._workers.submit(Task(request, self._deadline_s + self._method.chunk_s, done))

    def _request(self, contents: list[int]) -> Message:
        measure = self._method.measure
        needed = {*PAIR_SCORE_READS, *_READS_TOO} if measure is None else {measure.descriptor} - {""}
        features = self._store.contents.features(contents, self._encoder_id, needed)
        header, buffers = features_to_buffers([features[one] for one in contents])
        chosen = {} if measure is None else {"measures": measures_as_json([measure])}
        return Message({"task": "compare", **header, **chosen, "seconds": self._method.chunk_s}, buffers)

    def _compared(self, search: _Search, cosines: dict[int, float], tries: int, reply: Message | TaskFailed) -> None:
        self.under_way -= 1
        search.tasks -= 1
        scores = _scores(reply, len(cosines))
        if isinstance(scores, TaskFailed):
            self._try_again(search, cosines, tries, scores)
        else:
            self._save(search.content, cosines, scores)
            if len(scores) < len(cosines):
                self._submit(search, dict(islice(cosines.items(), len(scores), None)))
        if not search.tasks:
            self._go_on(search)  # where many were the same shot, more may follow

    def _save(self, content: int, cosines: dict[int, float], scores: Sequence[PairScore]) -> None:
        # Where the time of a chunk was over, there are fewer scores than cosines.
        found = dict(zip(cosines, scores, strict=False))
        links = [
            Link(min(content, other), max(content, other), pair.score, self._kept(pair), cosines[other])
            for other, pair in found.items()
        ]
        strangers = {other: cosines[other] for other, pair in found.items() if pair.score < self._link_threshold}
        with self._store.transaction():
            self._store.links.save(links)
            self._shrink(content, strangers)

    def _try_again(self, search: _Search, cosines: dict[int, float], tries: int, failure: TaskFailed) -> None:
        """Has each pair tried alone, so that one that ends workers costs the others nothing; and that one left out."""
        able = self._left_out.able(search.content, cosines)  # the other end may have given it up meanwhile
        if len(cosines) > 1:
            for other in able:
                self._submit(search, {other: cosines[other]})
        elif able and may_try_again(failure.kind, tries):
            self._submit(search, cosines, tries + 1)
        else:
            for other in able:
                self._left_out.leave_pair(search.content, other, failure.reason)
                _log.warning("the contents %d and %d could not be compared: %s", search.content, other, failure.reason)

    def _kept(self, pair: PairScore) -> dict[str, float]:
        """The evidence that is worth a row's place: strangers are many, and who asks why compares anew."""
        is_read = self._method.measure is not None or pair.score >= self._link_threshold
        return pair.evidence if is_read or _SET_EVIDENCE in pair.evidence else {}

    def _shrink(self, content: int, strangers: dict[int, float]) -> None:
        """Bounds the reach of all that learned of a nearer stranger than their farthest that counts."""
        if self._method.batch_size is not None:
            return  # the owner wants pairs compared however unlike they look
        nearest = {**strangers, content: max(strangers.values(), default=-1.0)}
        told = [one for one, cosine in nearest.items() if one in self._index and cosine > self._index.reach(one)]
        reaches = self._store.links.stranger_cosines(told, self._link_threshold, STRANGERS)
        changed = {o: reach for o, reach in reaches.items() if reach is not None and self._index.set_reach(o, reach)}
        self._store.contents.set_reaches(changed)
        for one in self._store.groups.of(changed.keys() - {content}):  # their own links may count no longer
            self._touched(one)


def _scores(reply: Message | TaskFailed, count: int) -> list[PairScore] | TaskFailed:
    """What a worker found, of the first pairs where its time was over; or why it found nothing."""
    if isinstance(reply, TaskFailed):
        return reply
    given = reply.header.get("scores")
    try:
        return scores_from_message(reply, len(given) if isinstance(given, list) and 0 < len(given) < count else count)
    except BadMessage as problem:
        return TaskFailed(f"the worker gave an answer that makes no sense: {problem}", "crash")
