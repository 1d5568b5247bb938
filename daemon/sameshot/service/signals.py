"""What the process is asked by signals: to stop (SIGTERM, SIGINT), or to read its config again (SIGHUP).

Comes in: signals, from the first moment of the block to the end of the process; none of them ends it by itself. Goes
out: what was asked, a descriptor that turns readable when a signal came, and, where that is allowed, `Stopped`.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Literal, Self

_STOP = (signal.SIGTERM, signal.SIGINT)
_RELOAD = signal.SIGHUP


class Stopped(BaseException):
    """The process was asked to stop while it was at something that may be abandoned."""


class Signals:
    """Takes the signals of this process; for its main thread. A word to stop stands for ever, a reload until taken."""

    def __init__(self) -> None:
        self.stop_asked = False
        self._reload_asked = False
        self._may_abandon = False
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        # The C handler writes here at once: a signal that comes just before a select is not slept through.
        signal.set_wakeup_fd(self._wake_in, warn_on_full_buffer=False)
        for number in (*_STOP, _RELOAD):
            signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The process is about to end: a signal more must not make that look like a crash.
        for number in (*_STOP, _RELOAD):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        os.close(self._wake_out)
        os.close(self._wake_in)

    def fileno(self) -> int:
        """Returns a descriptor that is readable from a signal on until `drain`."""
        return self._wake_out

    def drain(self) -> None:
        """Takes note that the wake-up was seen."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_out, 4096)

    @property
    def anything_asked(self) -> bool:
        """Whether to stop or to reload was asked."""
        return self.stop_asked or self._reload_asked

    def taken(self) -> Literal["stop", "reload"]:
        """Returns what was asked; a reload is then forgotten, for what is read from now on is new enough."""
        self._reload_asked = False
        return "stop" if self.stop_asked else "reload"

    @contextlib.contextmanager
    def abandoning(self) -> Iterator[None]:
        """Has a word to stop raise Stopped anywhere in the block: for getting ready, which may take long."""
        self._may_abandon = True
        try:
            if self.stop_asked:
                raise Stopped
            yield
        finally:
            self._may_abandon = False

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if number == _RELOAD:
            self._reload_asked = True
            return
        self.stop_asked = True
        if self._may_abandon:
            self._may_abandon = False  # once: closing what was begun goes on undisturbed
            raise Stopped
