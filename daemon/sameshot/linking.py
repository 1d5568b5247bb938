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
from collections.abc import Callable
from functools import partial

from sameshot.index.neighbours import NeighbourIndex
from sameshot.message import BadMessage, Message
from sameshot.model import Link, PairScore
from sameshot.service.workers import Task, TaskFailed, Workers
from sameshot.store.store import Store
from sameshot.wire import features_to_buffers, scores_from_message

STRANGERS = 16
"""On 555 labelled and unlabelled real photos no stranger was ever nearer than a true match; see the decisions."""
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
        encoder_id: str,
        shortlist_cosine: float,
        link_threshold: float,
        deadline_s: float,
        linked: Callable[[int], None],
        touched: Callable[[int], None],
    ) -> None:
        self._store, self._index, self._workers = store, index, workers
        self._encoder_id, self._deadline_s = encoder_id, deadline_s
        self._shortlist_cosine, self._link_threshold = shortlist_cosine, link_threshold
        self._linked, self._touched = linked, touched
        self.under_way = 0
        """How many comparing tasks are out."""

    def link(self, content: int) -> None:
        """Compares the content with what it was not compared with and should be."""
        todo = self._candidates(content)
        if not todo:
            self._linked(content)
            return
        others = list(todo)
        parts = [others[start : start + _COMPARED_AT_ONCE] for start in range(0, len(others), _COMPARED_AT_ONCE)]
        left = [len(parts)]
        for part in parts:
            features = self._store.contents.features([content, *part], self._encoder_id)
            header, buffers = features_to_buffers([features[one] for one in (content, *part)])
            self.under_way += 1
            request = Message({"task": "compare", **header}, buffers)
            done = partial(self._compared, content, {other: todo[other] for other in part}, left)
            self._workers.submit(Task(request, self._deadline_s, done))

    def relink(self, content: int) -> None:
        """Links a content again after what counts as the same shot was changed."""
        reach = self._store.links.stranger_cosine(content, self._link_threshold, STRANGERS)
        self._store.contents.set_reach(content, reach)
        self._index.set_reach(content, -1.0 if reach is None else reach)
        self.link(content)

    def _candidates(self, content: int) -> dict[int, float]:
        """Contents to compare with now, and their cosines: what wants this one, and its own nearest."""
        vector = self._store.contents.vector(content, self._encoder_id)
        scores = self._store.links.scores_of(content)
        wanting = self._index.wanting(vector, self._shortlist_cosine)
        todo = {other: cosine for other, cosine in wanting if other != content and other not in scores}
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
        return todo

    def _compared(self, content: int, cosines: dict[int, float], left: list[int], reply: Message | TaskFailed) -> None:
        self.under_way -= 1
        left[0] -= 1
        links = [
            Link(min(content, other), max(content, other), pair.score, pair.evidence, cosine)
            for (other, cosine), pair in zip(cosines.items(), _scores(reply, len(cosines)), strict=True)
        ]
        with self._store.transaction():
            self._store.links.save(links)
            for one in (content, *cosines):
                self._shrink(one, content)
        if not left[0]:
            self.link(content)  # where many were the same shot, more may follow

    def _shrink(self, one: int, content: int) -> None:
        reach = self._store.links.stranger_cosine(one, self._link_threshold, STRANGERS)
        if reach is not None and self._index.set_reach(one, reach):
            self._store.contents.set_reach(one, reach)
            if one != content:
                self._touched(one)


def _scores(reply: Message | TaskFailed, count: int) -> list[PairScore]:
    """What a worker found. Pairs that cannot be compared are strangers: without a row they would be asked for again."""
    try:
        if isinstance(reply, Message):
            return scores_from_message(reply, count)
        problem = reply.reason
    except BadMessage as error:
        problem = str(error)
    _log.warning("%d pairs could not be compared: %s", count, problem)
    return [PairScore(0.0, {})] * count
