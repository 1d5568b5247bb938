"""Memory that goes back to the system.

A service that lives for months hands photos' descriptors around, some megabytes a second while it works. By default
glibc raises, with each large block that is freed, the size from which blocks are mapped by themselves: soon none is,
and what was once needed is kept for ever. (mallopt(3), M_MMAP_THRESHOLD.)
"""

from __future__ import annotations

import contextlib
import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_BYTES = 128 * 1024


def return_freed_memory() -> None:
    """Has the allocator of this process keep to its first thresholds. Does nothing where the libc is another one."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for parameter in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            libc.mallopt(parameter, _BYTES)
