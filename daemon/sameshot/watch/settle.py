"""When a file is complete enough to be looked at.

Comes in: a path, its stat and the time, again and again. Goes out: settled, or when to ask again. Settled means: no
temporary name, (inode, size, mtime, ctime) unchanged for `quiet_s`, and nobody has it open for writing; an empty file
waits a minute for its bytes. A file that nobody touched for ten times as long is settled at first sight, so
a first scan never waits. That a container is complete, and that the file did not change while it was read, only its
reader can tell.

The test for writers is the kernel's own: a read lease is granted only while no process has the file open, or mapped,
for writing (fcntl(2), F_SETLEASE). It needs the file's owner or CAP_LEASE, and a filesystem that knows leases.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sameshot.model import FileStat
from sameshot.watch.ignore import is_temporary

QUIET_LOCAL_S = 1.0
QUIET_NETWORK_S = 15.0
"""A network filesystem's times are another machine's, its writers invisible."""

_LONG_AGO = 10
_LONGEST_WAIT_S = 30.0
_LONGEST_WAIT_IDLE_S = 900.0
_EMPTY_S = 60.0
"""A file that stays empty so long is told to be; when its bytes come it is looked at all the same."""


@dataclass(slots=True)
class _Observed:
    stat: FileStat
    first_s: float
    since_s: float
    why: str = ""


class Settler:
    """Remembers the files that are not settled yet. All times are wall clock seconds and are arguments.

    `writer` tells whether a program has a path open for writing; it is asked last, about files that seem settled.
    """

    def __init__(self, quiet_s: float = QUIET_LOCAL_S, writer: Callable[[Path], bool | None] | None = None) -> None:
        self._quiet_s = quiet_s
        self._writer = path_has_writer if writer is None else writer
        self._observed: dict[Path, _Observed] = {}

    def __len__(self) -> int:
        """How many files are waited for."""
        return len(self._observed)

    def observe(self, path: Path, stat: FileStat, now_s: float, quiet_s: float | None = None) -> float | None:
        """None when the file is settled at `now_s` with this stat, else the time to ask again.

        Asking earlier is allowed and useful after a hint. A settled file is forgotten: observed once more, it is a file
        like any other. `quiet_s` replaces the settler's own for this file (network folders).
        """
        quiet_s = self._quiet_s if quiet_s is None else quiet_s
        observed = self._observed.get(path)
        if observed is None:
            observed = _Observed(stat, now_s, now_s)
        elif observed.stat != stat or now_s < observed.since_s:  # touched, or the clock was set back
            observed = _Observed(stat, min(observed.first_s, now_s), now_s)
        self._observed[path] = observed

        if is_temporary(path.name):
            return _later(observed, now_s, quiet_s, _LONGEST_WAIT_IDLE_S, "its name is a temporary one")
        touched_s = max(stat.mtime_ns, stat.ctime_ns) / 1e9
        if stat.size_bytes == 0 and now_s < observed.since_s + _EMPTY_S and now_s - touched_s < _EMPTY_S:
            return _later(observed, now_s, quiet_s, _LONGEST_WAIT_S, "it is empty")
        if now_s < observed.since_s + quiet_s and now_s - touched_s < _LONG_AGO * quiet_s:
            observed.why = "it was touched a moment ago"
            return observed.since_s + quiet_s
        if self._writer(path):
            return _later(observed, now_s, quiet_s, _LONGEST_WAIT_S, "a program has it open for writing")
        self.forget(path)
        return None

    def waiting(self) -> dict[Path, str]:
        """The files that are waited for, each with why, after `it`."""
        return {path: observed.why for path, observed in self._observed.items()}

    def forget(self, path: Path) -> None:
        """The file is gone, or no longer of interest."""
        self._observed.pop(path, None)


def _later(observed: _Observed, now_s: float, soonest_s: float, latest_s: float, why: str) -> float:
    # Asked in proportion to how long it took so far: soon after a fast copy, rarely for what stays as it is.
    observed.why = why
    return now_s + min(max((now_s - observed.first_s) / 4, soonest_s), max(latest_s, soonest_s))


def has_writer(descriptor: int) -> bool | None:
    """Whether any process has the file behind this read-only descriptor open or mapped for writing; None: unknown.

    A program that opens the file for writing in the microseconds of the lease waits that long.
    """
    try:
        # A writer that meets the lease makes the kernel signal us. SIGIO, the default, would end the process;
        # SIGURG is ignored unless somebody asked for it.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno in {errno.EAGAIN, errno.EBUSY} else None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def path_has_writer(path: Path) -> bool | None:
    """`has_writer` of the regular file at `path`; None also where it cannot be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return has_writer(descriptor)
    finally:
        os.close(descriptor)
