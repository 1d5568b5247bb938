"""Workers whose answers to some tasks are only half: the other half comes from one more process, for many at once.

Comes in: tasks, as for any pool. Goes out: for each one call of its `done`. A task that is to be finished by the second
process is done by an ordinary worker first; what it answers waits until the second process is free, and goes there
together with all else that waits. If the second process fails on several at once (it crashed, hung, or said no), each
is tried once more alone, so that one of them costs the others a little time and nothing else. Knows nothing of what the
tasks are about: that is in `Second`.
"""

from __future__ import annotations

import selectors
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sameshot.errors import WorkersUnavailable
from sameshot.service.message import BadMessage, Message
from sameshot.service.worker_task import Task, TaskFailed
from sameshot.service.workers import WorkerLimits, Workers


@dataclass(frozen=True, slots=True)
class Half:
    """A task that a worker has answered, and that answer. `key`: only those with one key go together."""

    task: Task
    key: str
    answer: Message


@dataclass(frozen=True, slots=True)
class Second:
    """The second process and what it is told. `key_of`: of a request that it is to finish, else None.

    `request`: for the answers of several workers; `whole`: the answers finished with what it replied. Both may raise
    BadMessage. `loading_s`: what it may need beyond a task's own time, to load what it works with. `most_bytes`: of
    what goes there at once.
    """

    command: Sequence[str]
    limits: WorkerLimits
    key_of: Callable[[Message], str | None]
    request: Callable[[str, Sequence[Message]], Message]
    whole: Callable[[Sequence[Message], Message], Sequence[Message]]
    loading_s: float = 60.0
    most_bytes: int = 32 << 20


class TwoStages(Workers):
    """A pool with a second process behind it, which is started by the first task that needs it."""

    def __init__(self, command: Sequence[str], count: int, limits: WorkerLimits | None, second: Second) -> None:
        super().__init__(command, count, limits)
        self._second = second
        self._pool = Workers(second.command, 1, second.limits)
        self._halves: deque[Half] = deque()
        self._alone: deque[Half] = deque()
        """Those that failed together with others."""
        self._out: tuple[Half, ...] = ()
        self._selector.register(self._pool.fileno(), selectors.EVENT_READ)

    @property
    def pending(self) -> int:
        """How many tasks are queued, running, or answered without their `done` having been called."""
        return super().pending + len(self._halves) + len(self._alone) + len(self._out)

    @property
    def pids(self) -> list[int]:
        """The processes there are, for `status`; the second one is the last."""
        return super().pids + self._pool.pids

    @property
    def next_deadline_s(self) -> float | None:
        """When `pump` must be called although no process says so."""
        due = (super().next_deadline_s, self._pool.next_deadline_s)
        return min((one for one in due if one is not None), default=None)

    def submit(self, task: Task, first: bool = False) -> None:
        """Queues a task, as `Workers.submit` does; `first` holds for both halves."""
        asked: list[str | None] = []

        def request() -> Message:  # some are only made when a worker is free
            message = task.message()
            asked.append(self._second.key_of(message))
            return message

        super().submit(replace(task, request=request, done=partial(self._half_done, task, asked, first)), first)

    def close(self) -> None:
        """Ends all processes at once and forgets all tasks."""
        self._pool.close()
        super().close()
        self._halves.clear()
        self._alone.clear()
        self._out = ()

    def _half_done(self, task: Task, asked: list[str | None], first: bool, outcome: Message | TaskFailed) -> None:
        key = asked[-1] if asked else None
        if key is None or isinstance(outcome, TaskFailed):
            task.done(outcome)
            return
        half = Half(task, key, outcome)
        (self._halves.appendleft if first else self._halves.append)(half)
        self._send()

    def _send(self) -> None:
        """Hands over what waits, if the second process is free."""
        while not self._out and (batch := self._next_batch()):
            try:
                request = self._second.request(batch[0].key, [half.answer for half in batch])
            except BadMessage as error:
                self._failed(batch, TaskFailed(f"the worker gave an answer that makes no sense: {error}", "crash"))
                continue
            self._out = batch
            deadline_s = max(half.task.deadline_s for half in batch) + self._second.loading_s
            self._pool.submit(Task(request, deadline_s, self._answered_by_second))

    def _next_batch(self) -> tuple[Half, ...]:
        if self._alone:
            return (self._alone.popleft(),)
        batch: list[Half] = []
        size = 0
        while self._halves and (not batch or self._halves[0].key == batch[0].key):
            size += sum(map(len, self._halves[0].answer.buffers))
            if batch and size > self._second.most_bytes:
                break
            batch.append(self._halves.popleft())
        return tuple(batch)

    def _answered_by_second(self, outcome: Message | TaskFailed) -> None:
        batch, self._out = self._out, ()
        if isinstance(outcome, Message):
            try:
                whole = self._second.whole([half.answer for half in batch], outcome)
            except BadMessage as error:
                outcome = TaskFailed(f"the encoder gave an answer that makes no sense: {error}", "error")
        if isinstance(outcome, TaskFailed):
            self._failed(batch, replace(outcome, reason=f"the encoder failed: {outcome.reason}"))
        else:
            for half, message in zip(batch, whole, strict=True):
                self._answer(half.task, message)
        self._send()

    def _failed(self, batch: tuple[Half, ...], failure: TaskFailed) -> None:
        if len(batch) > 1:
            self._alone.extend(batch)
        else:
            self._answer(batch[0].task, failure)

    def _enforce(self, now_s: float) -> None:
        """Moves the second process along with the others."""
        super()._enforce(now_s)
        try:
            self._pool.pump(0.0)
        except WorkersUnavailable as error:
            raise WorkersUnavailable(f"The process of the encoder does not start: {error.args[0]}") from error
