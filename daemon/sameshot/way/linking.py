"""A content and its neighbours become links, with an effort that does not grow with the collection.

Comes in: a content that was looked at. Goes out: links in the store to all that show the same shot. Neighbours are
compared from the nearest on, until so many strangers (compared, and not the same shot) lie nearer that nothing beyond
them is believed: among a million photos, or among pictures that all look alike to the encoder, thousands reach the
shortlist's cosine. A group of any size is still found whole, since only strangers count.

The **reach** of a content is the cosine of its 16th stranger. A link counts while it is within the reach of either end:
that depends on the set of contents alone, so groups do not depend on the order of arrival. On arrival a content is
compared with its own reach and with all in whose reach it lies; as reaches only shrink, no pair that counts is missed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from sameshot.index.neighbours import NeighbourIndex
from sameshot.model import Link, PairScore
from sameshot.service.message import BadMessage, Message
from sameshot.service.workers import Task, TaskFailed, Workers
from sameshot.store.store import Store
from sameshot.way.method import Method
from sameshot.way.second_looks import SecondLooks
from sameshot.wire.measures import measures_as_json
from sameshot.wire.photos import features_to_buffers, scores_from_message

STRANGERS = 16
"""On 555 real photos (523 contents) no stranger was nearer than a match that was found."""
_COMPARED_AT_ONCE = 16
"""Candidates in one task: an answer comes soon, a message stays small."""

_log = logging.getLogger(__name__)


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
        self.under_way = 0
        """How many comparing tasks are out."""

    def find_links(self, content: int) -> None:
        """Compares the content with what it was not compared with and should be."""
        todo = self._candidates(content)
        if not todo:
            self._linked(content)
            return
        measure = self._method.measure
        if measure is None or not measure.descriptor:
            self._compare(content, todo)
        else:
            self._second_looks.measure([content, *todo], measure, partial(self._compare_measured, content, todo))

    def _compare_measured(self, content: int, todo: dict[int, float]) -> None:
        """Goes on once the descriptors are there. What could not be measured is left out, and without a row."""
        unmeasurable = self._second_looks.unmeasurable
        able = {} if content in unmeasurable else {o: todo[o] for o in todo if o not in unmeasurable}
        if able:
            self._compare(content, able)
        else:
            self._linked(content)

    def _compare(self, content: int, todo: dict[int, float]) -> None:
        others = list(todo)
        parts = [others[start : start + _COMPARED_AT_ONCE] for start in range(0, len(others), _COMPARED_AT_ONCE)]
        left = [len(parts)]
        for part in parts:
            self._submit(content, {other: todo[other] for other in part}, left)

    def _submit(self, content: int, cosines: dict[int, float], left: list[int]) -> None:
        self.under_way += 1
        request = partial(self._request, [content, *cosines])  # made when a worker is free: descriptors take memory
        done = partial(self._compared, content, cosines, left)
        self._workers.submit(Task(request, self._deadline_s + self._method.chunk_s, done))

    def _request(self, contents: list[int]) -> Message:
        measure = self._method.measure
        needed = None if measure is None else {measure.descriptor}
        features = self._store.contents.features(contents, self._encoder_id, needed)
        header, buffers = features_to_buffers([features[one] for one in contents])
        chosen = {} if measure is None else {"measures": measures_as_json([measure])}
        return Message({"task": "compare", **header, **chosen, "seconds": self._method.chunk_s}, buffers)

    def relink(self, content: int) -> None:
        """Links a content again after what counts as the same shot was changed."""
        reach = self._store.links.stranger_cosine(content, self._link_threshold, STRANGERS)
        self._store.contents.set_reach(content, reach)
        self._index.set_reach(content, -1.0 if reach is None else reach)
        self.find_links(content)

    def _candidates(self, content: int) -> dict[int, float]:
        """Contents to compare with now, and their cosines: what wants this one, and its own nearest."""
        vector = self._store.contents.vector(content, self._encoder_id)
        scores = self._store.links.scores_of(content)
        wanting = self._index.wanting(vector, self._shortlist_cosine)
        todo = {other: cosine for other, cosine in wanting if other != content and other not in scores}
        todo |= self._batch(content, vector, scores)
        strangers = 0
        for other, cosine in self._index.descending(vector, self._shortlist_cosine):
            if other == content:
                continue
            if scores.get(other, 0.0) < self._link_threshold:  # not compared yet counts: it may turn out a stranger
                strangers += 1
                if other not in scores:
                    todo[other] = cosine
            if strangers >= STRANGERS:
                break
        unmeasurable = self._second_looks.unmeasurable
        return {} if content in unmeasurable else {other: todo[other] for other in todo if other not in unmeasurable}

    def _batch(self, content: int, vector: NDArray[np.float32], scores: Container[int]) -> dict[int, float]:
        """With `candidates: all`: the others of the content's batch, by the order in which they came."""
        size = self._method.batch_size
        if size is None:
            return {}
        first = (content - 1) // size * size + 1
        others = (o for o in range(first, first + size) if o != content and o not in scores and o in self._index)
        return {o: float(np.dot(vector, self._store.contents.vector(o, self._encoder_id))) for o in others}

    def _compared(self, content: int, cosines: dict[int, float], left: list[int], reply: Message | TaskFailed) -> None:
        self.under_way -= 1
        scores = _scores(reply, len(cosines))
        links = [  # where the time of a chunk was over, fewer scores than cosines
            Link(min(content, other), max(content, other), pair.score, pair.evidence, cosine)
            for (other, cosine), pair in zip(cosines.items(), scores, strict=False)
        ]
        with self._store.transaction():
            self._store.links.save(links)
            for one in (content, *cosines):
                self._shrink(one, content)
        if len(scores) < len(cosines):
            self._submit(content, dict(islice(cosines.items(), len(scores), None)), left)
            return
        left[0] -= 1
        if not left[0]:
            self.find_links(content)  # where many were the same shot, more may follow

    def _shrink(self, one: int, content: int) -> None:
        if self._method.batch_size is not None:
            return  # the owner wants pairs compared however unlike they look
        reach = self._store.links.stranger_cosine(one, self._link_threshold, STRANGERS)
        if reach is not None and self._index.set_reach(one, reach):
            self._store.contents.set_reach(one, reach)
            if one != content and self._store.groups.of([one]):  # its own links may count no longer
                self._touched(one)


def _scores(reply: Message | TaskFailed, count: int) -> list[PairScore]:
    """What a worker found. Pairs that cannot be compared are strangers: without a row they would be asked for again."""
    try:
        if isinstance(reply, Message):
            given = reply.header.get("scores")
            return scores_from_message(
                reply, len(given) if isinstance(given, list) and 0 < len(given) < count else count
            )
        problem = reply.reason
    except BadMessage as error:
        problem = str(error)
    _log.warning("%d pairs could not be compared: %s", count, problem)
    return [PairScore(0.0, {})] * count
