"""What a worker takes from itself before it reads anybody's photo.

Comes in: the folders it must read and, for the one that makes models, the folder it may write. Goes out: how far the
kernel went along. Landlock (Linux 5.13, https://docs.kernel.org/userspace-api/landlock.html) then refuses every other
path, every program to run and, from its fourth version on, TCP; descriptors that are open or handed over stay usable.
Where the kernel has no Landlock the worker works without it, and says so.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
# The same numbers on every architecture: calls added since Linux 5.1 share one table.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_OF_A_FILE = 1 << 1 | _READ_FILE | 1 << 14
"""The rights that a rule about a file, not a folder, may hold: write, read, truncate."""
_RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Landlock version -> how many filesystem rights it knows; 5 and later know all 16."""
_TCP_BIND_AND_CONNECT = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


def die_with_parent() -> None:
    """Has the kernel kill this process when the thread that started it ends.

    A parent that ended before is noticed all the same: its end of the socket is closed.
    """
    _libc().prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def landlock_version() -> int:
    """The version the kernel offers; 0 where it has none or it is off."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1))))


def confine(readable: Iterable[Path], writable: Iterable[Path] = ()) -> int:
    """Allows this thread, for good, to read beneath `readable`, to do anything beneath `writable`, and no more.

    Missing paths are passed over. Returns the Landlock version in force; 0 means that nothing is. Threads that exist
    already are not confined: call it while there is one.
    """
    version = landlock_version()
    if version == 0:
        return 0
    everything = (1 << _RIGHTS_BY_VERSION.get(version, 16)) - 1
    rules = struct.pack("<Q", everything)
    if version >= 4:
        rules += struct.pack("<Q", _TCP_BIND_AND_CONNECT)
    if version >= 6:
        rules += struct.pack("<Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    libc = _libc()
    ruleset = libc.syscall(_CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), ctypes.c_uint(0))
    if ruleset < 0:
        return 0
    try:
        for path in readable:
            _allow(ruleset, path, _READ_FILE | _READ_FOLDER)
        for path in writable:
            _allow(ruleset, path, everything)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        in_force = libc.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0)) == 0
    finally:
        os.close(ruleset)
    return version if in_force else 0


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = rights if path.is_dir() else rights & _OF_A_FILE
        rule = struct.pack("<Qi", rights, place)
        _libc().syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), rule, ctypes.c_uint(0))
    finally:
        os.close(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
