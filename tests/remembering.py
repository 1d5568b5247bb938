"""Workers in this process that remember what they answered: real looks and real scores, each computed once.

For histories of the whole program, in which the same few photos come and go thousands of times.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque

from sameshot.errors import SameshotError
from sameshot.service.workers import Message, Task, TaskFailed, Workers
from sameshot.worker import _HANDLERS

_ANSWERS: dict[tuple[str, str, str], Message | TaskFailed] = {}


class RememberingWorkers(Workers):
    """A pool without processes: `pump` answers every task."""

    def __init__(self) -> None:
        super().__init__(["no process is ever started"], 1)
        self._left: deque[tuple[Task, int | None]] = deque()

    @property
    def pending(self) -> int:
        return len(self._left)

    def submit(self, task: Task, first: bool = False) -> None:
        descriptor = None if task.descriptor is None else os.dup(task.descriptor)
        (self._left.appendleft if first else self._left.append)((task, descriptor))

    def pump(self, timeout_s: float) -> int:
        finished = 0
        while self._left:
            task, descriptor = self._left.popleft()
            try:
                answer = _answered(task.message(), descriptor)
            finally:
                if descriptor is not None:
                    os.close(descriptor)
            task.done(answer)
            finished += 1
        return finished

    def close(self) -> None:
        while self._left:
            _, descriptor = self._left.popleft()
            if descriptor is not None:
                os.close(descriptor)
        super().close()


def _answered(request: Message, descriptor: int | None) -> Message | TaskFailed:
    given = b"" if descriptor is None else os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    words = json.dumps(request.header, sort_keys=True)
    key = (words, hashlib.sha256(b"".join(request.buffers)).hexdigest(), hashlib.sha256(given).hexdigest())
    if key not in _ANSWERS:
        try:
            if descriptor is not None:
                os.lseek(descriptor, 0, os.SEEK_SET)
            _ANSWERS[key] = _HANDLERS[request.header["task"]](request, descriptor)
        except SameshotError as error:
            _ANSWERS[key] = TaskFailed(str(error), "refused")
    return _ANSWERS[key]
