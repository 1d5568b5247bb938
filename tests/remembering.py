"""Workers in this process that remember what they answered: real looks and real scores, each computed once.

For histories of the whole program, in which the same few photos come and go thousands of times.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections import deque

from sameshot.compare.pair_score import score_pair
from sameshot.errors import SameshotError
from sameshot.model import Features, PairScore
from sameshot.service.workers import Message, Task, TaskFailed, Workers
from sameshot.wire.photos import features_from_message, scores_to_message
from sameshot.worker import _HANDLERS

_ANSWERS: dict[tuple[str | bytes, ...], Message | TaskFailed] = {}
_SCORES: dict[tuple[bytes, bytes], PairScore] = {}


class RememberingWorkers(Workers):
    """A pool without processes: `pump` answers every task."""

    def __init__(self) -> None:
        super().__init__(["no process is ever started"], 1)
        self._left: deque[tuple[Task, int | None]] = deque()
        self.waited_s = 0.0
        """How long it would have waited in vain by now: for a clock that is as far ahead of the wall's."""

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
        if not finished:
            self.waited_s += timeout_s
        return finished

    def close(self) -> None:
        while self._left:
            _, descriptor = self._left.popleft()
            if descriptor is not None:
                os.close(descriptor)
        super().close()


def _answered(request: Message, descriptor: int | None) -> Message | TaskFailed:
    if request.header["task"] == "compare":
        one, *others = features_from_message(request)
        return scores_to_message([_scored(one, other) for other in others])
    given = b"" if descriptor is None else os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    asked = copy.deepcopy(request.header)
    asked.get("encoder", {}).pop("path", None)  # the encoder is known by its id, wherever an installation has it
    key = (json.dumps(asked, sort_keys=True), *map(_digest, (b"".join(request.buffers), given)))
    if key not in _ANSWERS:
        try:
            if descriptor is not None:
                os.lseek(descriptor, 0, os.SEEK_SET)
            _ANSWERS[key] = _HANDLERS[request.header["task"]](request, descriptor)
        except SameshotError as error:
            _ANSWERS[key] = TaskFailed(str(error), "refused")
    return _ANSWERS[key]


def _scored(one: Features, other: Features) -> PairScore:
    """Of each two pictures once, in whatever company they come."""
    key = (_known_by(one), _known_by(other))
    if key not in _SCORES:
        _SCORES[key] = score_pair(one, other)
    return _SCORES[key]


def _known_by(features: Features) -> bytes:
    facts = repr((sorted(features.descriptors), features.capture, features.width_px, features.height_px))
    return _digest(
        b"".join(
            [
                features.vector.tobytes(),
                *(_digest(features.descriptors[name]) for name in sorted(features.descriptors)),
                facts.encode(),
            ]
        )
    )


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
