"""Ctrl-C: one line and exit code 130, whenever it comes.

Comes in: SIGINT. Goes out: while the program is loaded and nothing is open, the end of the process at once; later a
KeyboardInterrupt, so that what is open is closed, and at a second one the end all the same: whatever is killed is put
right at the next start. Where whoever started the program had SIGINT ignored, it stays so.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

EXIT_CODE = 130
_SHOW_CURSOR = b"\x1b[?25h"
"""A progress bar hides it."""


def end_at_once() -> None:
    """From now on Ctrl-C ends the process."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def end_in_order() -> None:
    """From now on Ctrl-C is a KeyboardInterrupt, the first time. Changes nothing without `end_at_once` before."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _end)
    raise KeyboardInterrupt


def _end(_number: int, _frame: FrameType | None) -> None:
    os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + b"sameshot: Stopped.\n")
    os._exit(EXIT_CODE)
