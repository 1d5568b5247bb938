"""What is asked of a photo after its first look: a dear measure's descriptor, the inspection at full size, a vector.

Comes in: contents. Goes out: descriptors, inspections and vectors in the store, one task each, on the first present
file of the content. What cannot be had (the file is gone, or broken at full size) is left out until the next start.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from sameshot.compare.measures import Measure
from sameshot.model import FileStat
from sameshot.service.message import BadMessage
from sameshot.service.workers import Message, Task, TaskFailed, Workers
from sameshot.store.store import Store
from sameshot.way.arrival import stat_of
from sameshot.wire.measures import descriptors_from_message, inspect_request, inspection_from_message, measure_request
from sameshot.wire.photos import EncoderHeader, vector_from_message, vector_request

_log = logging.getLogger(__name__)
_Answered = Callable[[Message], None]
_AT_ONCE_PER_WORKER = 2


class SecondLooks:
    """Asks workers about known contents. Not thread-safe: one thread calls it and pumps its workers."""

    def __init__(
        self, store: Store, workers: Workers, deadline_s: float, answers: Callable[[Path], bool] = lambda _: True
    ) -> None:
        """`answers`: whether a root may be asked anything; what is in one that may not cannot be had."""
        self._store, self._workers, self._deadline_s, self._answers = store, workers, deadline_s, answers
        self._out = 0
        self._queued: deque[tuple[int, Message, _Answered, Callable[[bool], None]]] = deque()
        self.unmeasurable: set[int] = set()
        """Contents whose descriptor could not be had."""
        self._uninspectable: set[int] = set()
        self._inspecting: set[int] = set()
        self._measuring: dict[int, list[Callable[[], None]]] = {}  # content -> who waits for its descriptor

    @property
    def under_way(self) -> int:
        """How many tasks are out or wait to be."""
        return self._out + len(self._queued)

    def measure(self, contents: Iterable[int], measure: Measure, then: Callable[[], None]) -> None:
        """Sees to it that the measure's descriptor of each content is stored where it can be, then calls `then`."""
        wanted = set(contents) - self.unmeasurable
        missing = wanted - self._store.contents.having_descriptor(wanted, measure.descriptor)
        left = [len(missing)]

        def one_done() -> None:
            left[0] -= 1
            if left[0] == 0:
                then()

        if not missing:
            then()
        for content in missing:
            if content in self._measuring:
                self._measuring[content].append(one_done)
                continue
            self._measuring[content] = [one_done]
            save = partial(self._save_descriptor, content, measure)
            self._ask(content, measure_request([measure]), save, partial(self._measured, content))

    def _save_descriptor(self, content: int, measure: Measure, reply: Message) -> None:
        self._store.contents.save_descriptor(content, *next(iter(descriptors_from_message(reply, [measure]).items())))

    def _measured(self, content: int, succeeded: bool) -> None:
        if not succeeded:
            self.unmeasurable.add(content)
        for waiting in self._measuring.pop(content):
            waiting()

    def inspect(self, content: int, then: Callable[[], None]) -> None:
        """Looks at the content's photo at full size, unless that was done, and calls `then` once that is stored."""
        if content in self._uninspectable or content in self._inspecting or self._store.inspections.get([content]):
            return
        self._inspecting.add(content)

        def save(reply: Message) -> None:
            self._store.inspections.save(content, inspection_from_message(reply))

        def done(succeeded: bool) -> None:
            self._inspecting.discard(content)
            if succeeded:
                then()
            else:
                self._uninspectable.add(content)

        self._ask(content, inspect_request(), save, done)

    def embed(self, content: int, encoder: EncoderHeader, then: Callable[[bool], None]) -> None:
        """Stores what one more encoder makes of the content's photo; calls `then` with whether that could be had."""

        def save(reply: Message) -> None:
            vector = vector_from_message(reply, encoder.dimension)
            self._store.contents.save_vector(content, encoder.encoder_id, vector)

        self._ask(content, vector_request(encoder), save, then)

    # ---------------------------------------------------------------- one task about one content

    def _ask(self, content: int, request: Message, save: _Answered, done: Callable[[bool], None]) -> None:
        self._queued.append((content, request, save, done))
        self._hand_over()

    def _hand_over(self) -> None:
        """Opens only so many files at once; there may be thousands to measure."""
        while self._queued and self._out < _AT_ONCE_PER_WORKER * self._workers.count:
            self._submit(*self._queued.popleft())

    def _submit(self, content: int, request: Message, save: _Answered, done: Callable[[bool], None]) -> None:
        photo_ids = self._store.photos.photos_of([content]).get(content, [])
        for photo in self._store.photos.get(photo_ids).values():
            path, stat = photo.primary.path, photo.primary.stat
            if photo.missing_since_s is not None or not self._answers(photo.root) or stat_of(path) != stat:
                continue
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                continue
            self._out += 1
            answered = partial(self._answered, path, stat, save, done)
            try:
                self._workers.submit(Task(request, self._deadline_s, answered, descriptor))
            finally:
                os.close(descriptor)
            return
        done(False)

    def _answered(
        self,
        path: Path,
        stat: FileStat,
        save: _Answered,
        done: Callable[[bool], None],
        reply: Message | TaskFailed,
    ) -> None:
        self._out -= 1
        succeeded = False
        if isinstance(reply, TaskFailed):
            _log.warning("%s had no second look: %s", path, reply.reason)
        elif stat_of(path) == stat:  # else it was exchanged meanwhile, and is another content
            try:
                save(reply)
                succeeded = True
            except BadMessage as problem:
                _log.warning("%s had no second look: %s", path, problem)
        self._hand_over()
        done(succeeded)
