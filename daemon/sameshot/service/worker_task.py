"""A task for a worker, and in what words it failed.

Comes in: how a process ended. Goes out: a sentence about the task for people, a kind for the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sameshot.service.worker_process import signal_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from sameshot.service.message import Message

FailureKind = Literal["refused", "crash", "killed", "deadline", "memory", "error"]
"""refused: the worker looked, and said no. killed: ended from outside, through no fault of the task."""


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """Why a task has no answer: a sentence a person understands, and for the log what the worker printed last."""

    reason: str
    kind: FailureKind
    output: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One request, or what makes it once a worker is free; how long its answer may take; who waits for it.

    `descriptor` is open for reading only. `Workers.submit` duplicates it: the caller's own may be closed at once.
    """

    request: Message | Callable[[], Message]
    deadline_s: float
    done: Callable[[Message | TaskFailed], None]
    descriptor: int | None = None

    def message(self) -> Message:
        """The request."""
        return self.request() if callable(self.request) else self.request


def failure_by_death(status: int, deadline_s: float, output: str) -> TaskFailed:
    """What became of the task whose worker ended with `status` (negative: the signal) and no answer."""
    if status >= 0:
        return TaskFailed(f"the worker ended on it, with status {status} and no answer", "crash", output)
    name = signal_name(-status)
    if name == "SIGXCPU":
        return failure_by_deadline(deadline_s, output)
    if name in {"SIGKILL", "SIGTERM"}:
        why = f"the worker was ended from outside ({name}), perhaps because the machine ran out of memory"
        return TaskFailed(why, "killed", output)
    return TaskFailed(f"the worker crashed on it ({name})", "crash", output)


def failure_by_deadline(deadline_s: float, output: str) -> TaskFailed:
    """What became of the task that was not done in time."""
    return TaskFailed(f"it took longer than {deadline_s:g} s", "deadline", output)
