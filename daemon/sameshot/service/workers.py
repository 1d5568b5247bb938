"""The supervisor of worker processes: one task each, so that a crash, a hang or a bomb costs exactly one task.

Comes in: tasks. Goes out: for each task one call of its `done`, with the answer or with why there is none. Everything
happens in the thread that calls `pump`; it has to live as long as the pool, for the kernel ends the workers with it.
Knows nothing of what the tasks are about.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import selectors
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from sameshot.errors import WorkersUnavailable
from sameshot.service.message import BadMessage, Message
from sameshot.service.worker_process import WorkerLimits, WorkerProcess
from sameshot.service.worker_task import FailureKind, Task, TaskFailed, failure_by_deadline, failure_by_death

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FailureKind", "Message", "Task", "TaskFailed", "WorkerLimits", "Workers"]

_log = logging.getLogger(__name__)

_FAILED_STARTS = 3
"""So many starts in a row without a hello, and the fault is taken to be the installation's."""
_START_AGAIN_S = 30.0


@dataclass(slots=True)
class _Job:
    """A task in the pool, with the duplicate of its descriptor and, while it runs, when it must be done."""

    task: Task
    descriptor: int | None
    due_s: float = 0.0
    times_left: int = 0
    """How many workers died before they had read it: no fault of the task, unless it goes on and on."""


class Workers:
    """A pool of up to `count` processes of one command, started when there is work for them."""

    def __init__(self, command: Sequence[str], count: int, limits: WorkerLimits | None = None) -> None:
        self.count = count
        self.hello: dict[str, Any] = {}
        """What the newest worker said of itself when it was ready."""
        self._command = tuple(command)
        self._limits = limits or WorkerLimits()
        self._selector = selectors.EpollSelector()
        self._urgent: deque[_Job] = deque()
        self._ordinary: deque[_Job] = deque()
        self._workers: list[WorkerProcess] = []
        """Those that work, start or wait for work; the longest idle first."""
        self._ending: list[WorkerProcess] = []
        """Those that were killed and are not gone yet."""
        self._running: dict[WorkerProcess, _Job] = {}
        self._answered: deque[tuple[_Job, Message | TaskFailed]] = deque()
        self._idle_since_s = time.monotonic()
        self._failed_starts = 0
        self._start_not_before_s = 0.0

    # ---------------------------------------------------------------- what a loop needs

    @property
    def pending(self) -> int:
        """How many tasks are queued, running, or answered without their `done` having been called."""
        return len(self._urgent) + len(self._ordinary) + len(self._running) + len(self._answered)

    @property
    def pids(self) -> list[int]:
        """The processes there are."""
        return [worker.pid for worker in (*self._workers, *self._ending)]

    def fileno(self) -> int:
        """A descriptor that is readable when a worker has something for `pump`; for another loop's selector."""
        return self._selector.fileno()

    @property
    def next_deadline_s(self) -> float | None:
        """When `pump` must be called although no worker says so (time.monotonic); None: not before something is new."""
        if self._answered or (self._queued and self._free_worker() is not None):
            return 0.0
        due = [job.due_s for job in self._running.values()]
        due += [worker.started_s + self._limits.start_s for worker in self._workers if worker.hello is None]
        if self._wants_more():
            due.append(self._start_not_before_s)
        if not self._queued and not self._running and self._workers:
            due.append(self._idle_since_s + self._limits.idle_s)
        return min(due, default=None)

    # ---------------------------------------------------------------- in

    def submit(self, task: Task, first: bool = False) -> None:
        """Queues a task: behind the others, or with `first` before all that were not so marked. `pump` runs it.

        Raises ValueError when its descriptor could be written through.
        """
        descriptor = None
        if task.descriptor is not None:
            if fcntl.fcntl(task.descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
                raise ValueError("a worker is handed what is open for reading only")
            descriptor = os.dup(task.descriptor)
        (self._urgent if first else self._ordinary).append(_Job(task, descriptor))

    # ---------------------------------------------------------------- on

    def pump(self, timeout_s: float) -> int:
        """Hands out tasks and waits at most `timeout_s` until one is done; calls `done` of each; returns how many.

        Raises WorkersUnavailable when workers end again and again before they are ready: what is queued stays queued,
        and a later call tries again. Whatever a `done` raises passes through; the others are called by the next pump.
        """
        until_s = time.monotonic() + timeout_s
        while True:
            self._hand_out()
            now_s = time.monotonic()
            due_s = self.next_deadline_s
            wait_s = 0.0 if self._answered else min(until_s, until_s if due_s is None else due_s) - now_s
            ready = {key.data for key, _ in self._selector.select(max(0.0, wait_s))}
            for worker in ready - {None}:
                self._attend(worker)
            self._enforce(time.monotonic())
            self._hand_out()
            if self._answered or time.monotonic() >= until_s:
                break
        finished = 0
        while self._answered:
            job, outcome = self._answered.popleft()
            finished += 1
            job.task.done(outcome)
        return finished

    def close(self) -> None:
        """Ends all processes at once and forgets all tasks, whose `done` is not called: they were not tried."""
        for worker in (*self._workers, *self._ending):
            worker.kill()
        for worker in (*self._workers, *self._ending):
            worker.wait(1.0)
            worker.release()
        for job in (*self._urgent, *self._ordinary, *self._running.values()):
            _close(job)
        for gone in (self._urgent, self._ordinary, self._running, self._workers, self._ending, self._answered):
            gone.clear()
        self._selector.close()

    # ---------------------------------------------------------------- handing out

    @property
    def _queued(self) -> int:
        return len(self._urgent) + len(self._ordinary)

    def _hand_out(self) -> None:
        while self._queued and (worker := self._free_worker()) is not None:
            job = (self._urgent or self._ordinary).popleft()
            job.due_s = time.monotonic() + job.task.deadline_s
            self._running[worker] = job
            try:
                worker.send(job.task.message(), job.descriptor, job.task.deadline_s)
            except BadMessage as error:
                del self._running[worker]
                self._finish(job, TaskFailed(f"the request cannot be sent: {error}", "error"))
        while self._wants_more() and time.monotonic() >= self._start_not_before_s:
            try:
                self._workers.append(WorkerProcess(self._command, self._limits, self._selector))
            except OSError as error:
                self._note_failed_start(f"{self._command[0]}: {error.strerror}")

    def _free_worker(self) -> WorkerProcess | None:
        """The one that was busy last: the others may then be idle long enough to end."""
        return next((w for w in reversed(self._workers) if w.listens and w not in self._running), None)

    def _wants_more(self) -> bool:
        """Whether a process is missing.

        Those that a dead disk keeps from ending count too, or each deadline of a task would leave one more of them.
        """
        starting = sum(worker.hello is None for worker in self._workers)
        room = len(self._workers) < self.count and len(self._workers) + len(self._ending) < 2 * self.count
        return room and starting < self._queued

    # ---------------------------------------------------------------- what workers do

    def _attend(self, worker: WorkerProcess) -> None:
        try:
            messages = worker.attend()
            for message in messages:
                self._hear(worker, message)
        except BadMessage as error:
            self._fail(worker, TaskFailed(f"the worker gave an answer that makes no sense: {error}", "crash"))
            self._end(worker)
        if worker.left_unread and (job := self._running.get(worker)) is not None and job.times_left <= self.count:
            job.times_left += 1
            self._urgent.appendleft(self._running.pop(worker))
        if worker.hung_up and worker.hello is not None and worker not in self._running:
            self._end(worker)
        status = worker.ended()
        if status is not None:
            self._bury(worker, status)

    def _hear(self, worker: WorkerProcess, message: Message) -> None:
        match message.header:
            case {"hello": dict(hello)} if worker.hello is None:
                worker.hello = self.hello = hello
                self._failed_starts, self._idle_since_s = 0, time.monotonic()
            case {"result": dict(result)} if worker in self._running:
                self._settle(worker, Message(result, message.buffers))
            case {"failed": {"kind": str(kind), "reason": str(reason)}} if worker in self._running and kind in get_args(
                FailureKind
            ):
                self._settle(worker, TaskFailed(reason, kind, worker.tail))  # type: ignore[arg-type]
            case _:
                raise BadMessage("nothing was asked of it")

    def _settle(self, worker: WorkerProcess, outcome: Message | TaskFailed) -> None:
        self._finish(self._running.pop(worker), outcome)
        self._idle_since_s = time.monotonic()
        self._workers.remove(worker)
        self._workers.append(worker)
        spent = worker.tasks_taken >= self._limits.tasks or worker.resident_bytes() > self._limits.resident_bytes
        if spent or (isinstance(outcome, TaskFailed) and outcome.kind == "memory"):
            self._end(worker)

    def _enforce(self, now_s: float) -> None:
        for worker, job in list(self._running.items()):
            if job.due_s <= now_s:
                self._fail(worker, failure_by_deadline(job.task.deadline_s, worker.tail))
                self._end(worker)
        for worker in list(self._workers):
            if worker.hello is None and worker.started_s + self._limits.start_s <= now_s:
                self._end(worker)
                self._note_failed_start(f"not ready after {self._limits.start_s:g} s. {worker.tail}")
        idle = not self._queued and not self._running
        if idle and self._idle_since_s + self._limits.idle_s <= now_s:
            for worker in list(self._workers):
                self._end(worker)

    # ---------------------------------------------------------------- ends

    def _end(self, worker: WorkerProcess) -> None:
        """A worker that has no task has nothing to lose."""
        worker.kill()
        if worker in self._workers:
            self._workers.remove(worker)
            self._ending.append(worker)

    def _bury(self, worker: WorkerProcess, status: int) -> None:
        expected = worker in self._ending
        if (job := self._running.get(worker)) is not None:
            self._fail(worker, failure_by_death(status, job.task.deadline_s, worker.tail))
        (self._ending if expected else self._workers).remove(worker)
        worker.release()
        if worker.hello is None and not expected:
            self._note_failed_start(worker.tail or f"it ended with status {status} and said nothing")

    def _fail(self, worker: WorkerProcess, failure: TaskFailed) -> None:
        if (job := self._running.pop(worker, None)) is not None:
            self._idle_since_s = time.monotonic()
            _log.info("a worker lost its task: %s\n%s", failure.reason, failure.output)
            self._finish(job, failure)

    def _finish(self, job: _Job, outcome: Message | TaskFailed) -> None:
        _close(job)
        self._answered.append((job, outcome))

    def _answer(self, task: Task, outcome: Message | TaskFailed) -> None:
        """For a task whose answer was made elsewhere."""
        self._answered.append((_Job(task, None), outcome))

    def _note_failed_start(self, words: str) -> None:
        self._failed_starts += 1
        _log.warning("a worker did not start: %s", words)
        if self._failed_starts >= _FAILED_STARTS:
            self._start_not_before_s = time.monotonic() + _START_AGAIN_S
            last_line = words.strip().rpartition("\n")[2]
            raise WorkersUnavailable(
                f"The worker processes do not start: {last_line}",
                "Install sameshot again, or give its workers more memory",
            )


def _close(job: _Job) -> None:
    if job.descriptor is not None:
        with contextlib.suppress(OSError):
            os.close(job.descriptor)
        job.descriptor = None
