"""One process for each state.

Comes in: the lock file of a state dir, and who asks. Goes out: the lock, held until it is released or the process ends,
however it ends: the kernel keeps it (flock), not the file's presence. Refuses, naming the holder and its config, while
another process holds it. The file stays when the lock goes; removing it would let two processes lock two files. Whoever
ends in order empties it, which works on a full disk too: words that are left tell of one that was killed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from sameshot.errors import SameshotError, StateUnavailable
from sameshot.service.signals import Stopped


@contextlib.contextmanager
def hold_lock(lock_file: Path, verb: str, config: Path | None) -> Iterator[bool]:
    """Holds the state for the length of the block; makes the state dir, private to its owner, when it is absent.

    Yields whether the holder before ended without a word: killed, by a power cut, or by a fault of its own.
    Raises StateUnavailable when another process holds it or the folder cannot hold a lock.
    """
    descriptor = _open(lock_file)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _refusal(lock_file, descriptor, error) from error
        died = os.fstat(descriptor).st_size > 0
        holder = {"pid": os.getpid(), "verb": verb, "config": str(config) if config else None}
        os.ftruncate(descriptor, 0)
        with contextlib.suppress(OSError):  # a full disk: whoever is refused is not told by whom
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        try:
            yield died
        except (SameshotError, KeyboardInterrupt, Stopped):
            os.ftruncate(descriptor, 0)
            raise
        else:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _open(lock_file: Path) -> int:
    try:
        lock_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StateUnavailable(
            f"The state in {lock_file.parent} cannot be opened: {error.strerror}",
            "Make that folder writable, or name another with --state-dir",
        ) from error


def _refusal(lock_file: Path, descriptor: int, error: OSError) -> StateUnavailable:
    if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
        return StateUnavailable(
            f"The filesystem of {lock_file.parent} cannot lock files: {error.strerror}",
            "Keep the state on a local disk: name one with --state-dir",
        )
    try:
        holder = json.loads(os.pread(descriptor, 65536, 0))
        pid, verb, config = int(holder["pid"]), str(holder["verb"]), holder["config"]
    except (ValueError, KeyError, TypeError):
        # Between its lock and its first words.
        return StateUnavailable("Another sameshot has just begun to use this state", "Try again in a moment")
    using = f"config {config}" if config else "the default config"
    return StateUnavailable(
        f"`sameshot {verb}` is already running (pid {pid}) with {using} on the state in {lock_file.parent}",
        f"Wait for it, stop it (`kill {pid}`), or keep two states apart with --state-dir",
    )
