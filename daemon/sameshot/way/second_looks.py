"""What is asked of a photo after its first look: a dear measure's descriptor, the inspection at full size, a vector.

Comes in: contents. Goes out: descriptors, inspections and vectors in the store, one task each, on the first present
file of the content. A worker that failed for a reason that may pass is asked again, three times in all. What cannot be
had (the file is gone, or broken at full size) is left out until the next start.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sameshot.compare.measures import Measure
from sameshot.model import FileStat
from sameshot.service.message import BadMessage
from sameshot.service.workers import Message, Task, TaskFailed, Workers
from sameshot.store.store import Store
from sameshot.way.arrival import stat_of
from sameshot.way.left_out import LeftOut, may_try_again
from sameshot.wire.measures import descriptors_from_message, inspect_request, inspection_from_message, measure_request
from sameshot.wire.photos import EncoderHeader, vector_from_message, vector_request

_log = logging.getLogger(__name__)
_Answered = Callable[[Message], None]
_AT_ONCE_PER_WORKER = 2
_GONE = "its file is gone or was changed"


@dataclass(frozen=True, slots=True)
class _Asked:
    """One task about one content. `done` is called with why it came to nothing, and with nothing where it came."""

    content: int
    request: Message
    save: _Answered
    done: Callable[[str], None]
    tries: int = 1


class SecondLooks:
    """Asks workers about known contents. Not thread-safe: one thread calls it and pumps its workers."""

    def __init__(
        self, store: Store, workers: Workers, deadline_s: float, answers: Callable[[Path], bool] = lambda _: True
    ) -> None:
        """`answers`: whether a root may be asked anything; what is in one that may not cannot be had."""
        self._store, self._workers, self._deadline_s, self._answers = store, workers, deadline_s, answers
        self._out = 0
        self._queued: deque[_Asked] = deque()
        self.left_out = LeftOut(store)
        """Also the contents whose descriptor could not be had."""
        self._uninspectable: set[int] = set()
        self._inspecting: set[int] = set()
        self._measuring: dict[int, list[Callable[[], None]]] = {}  # content -> who waits for its descriptor

    @property
    def under_way(self) -> int:
        """How many tasks are out or wait to be."""
        return self._out + len(self._queued)

    def measure(self, contents: Iterable[int], measure: Measure, then: Callable[[], None]) -> None:
        """Sees to it that the measure's descriptor of each content is stored where it can be, then calls `then`."""
        wanted = {content for content in contents if content not in self.left_out}
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
            self._ask(_Asked(content, measure_request([measure]), save, partial(self._measured, content)))

    def _save_descriptor(self, content: int, measure: Measure, reply: Message) -> None:
        self._store.contents.save_descriptor(content, *next(iter(descriptors_from_message(reply, [measure]).items())))

    def _measured(self, content: int, why_not: str) -> None:
        if why_not:
            self.left_out.leave_content(content, why_not)
        for waiting in self._measuring.pop(content):
            waiting()

    def inspect(self, content: int, then: Callable[[], None]) -> None:
        """Looks at the content's photo at full size, unless that was done, and calls `then` once that is stored."""
        if content in self._uninspectable or content in self._inspecting or self._store.inspections.get([content]):
            return
        self._inspecting.add(content)

        def save(reply: Message) -> None:
            self._store.inspections.save(content, inspection_from_message(reply))

        def done(why_not: str) -> None:
            self._inspecting.discard(content)
            if why_not:
                self._uninspectable.add(content)
            else:
                then()

        self._ask(_Asked(content, inspect_request(), save, done))

    def embed(self, content: int, encoder: EncoderHeader, then: Callable[[bool], None]) -> None:
        """Stores what one more encoder makes of the content's photo; calls `then` with whether that could be had."""

        def save(reply: Message) -> None:
            vector = vector_from_message(reply, encoder.dimension)
            self._store.contents.save_vector(content, encoder.encoder_id, vector)

        self._ask(_Asked(content, vector_request(encoder), save, lambda why_not: then(not why_not)))

    # ---------------------------------------------------------------- one task about one content

    def _ask(self, asked: _Asked) -> None:
        self._queued.append(asked)
        self._hand_over()

    def _hand_over(self) -> None:
        """Opens only so many files at once; there may be thousands to measure."""
        while self._queued and self._out < _AT_ONCE_PER_WORKER * self._workers.count:
            self._submit(self._queued.popleft())

    def _submit(self, asked: _Asked) -> None:
        photo_ids = self._store.photos.photos_of([asked.content]).get(asked.content, [])
        for photo in self._store.photos.get(photo_ids).values():
            path, stat = photo.primary.path, photo.primary.stat
            if photo.missing_since_s is not None or not self._answers(photo.root) or stat_of(path) != stat:
                continue
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                continue
            self._out += 1
            answered = partial(self._answered, asked, path, stat)
            try:
                self._workers.submit(Task(asked.request, self._deadline_s, answered, descriptor))
            finally:
                os.close(descriptor)
            return
        asked.done(_GONE)

    def _answered(self, asked: _Asked, path: Path, stat: FileStat, reply: Message | TaskFailed) -> None:
        self._out -= 1
        why_not = ""
        if isinstance(reply, TaskFailed):
            if may_try_again(reply.kind, asked.tries):
                self._ask(replace(asked, tries=asked.tries + 1))
                return
            why_not = reply.reason
        elif stat_of(path) != stat:  # it was exchanged meanwhile, and is another content
            why_not = _GONE
        else:
            try:
                asked.save(reply)
            except BadMessage as problem:
                why_not = f"the worker gave an answer that makes no sense: {problem}"
        if why_not:
            _log.warning("%s had no second look: %s", path, why_not)
        self._hand_over()
        asked.done(why_not)
