"""A duplicate goes only while another copy of it stands.

Comes in: an operation that names the copy to be kept. Goes out: nothing, or StepRefused. One file may be reached by two
paths (a hard link, a bind mount, a share beside the local disk). Shares and overlays show it under another device, but
mostly with its inode number: two files with one number, size and time are taken for one. What that misses shows once
the duplicate is out of the way: the copy is opened and read again, and if it went too, the duplicate is put back. The
duplicate is read again as well: what was believed of it may be older than an edit.
"""

from __future__ import annotations

import os

from sameshot.apply import contents, kernel
from sameshot.apply.ground import Ground
from sameshot.apply.records import Operation
from sameshot.errors import StepRefused

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def check_apart(operation: Operation, source: os.stat_result, ground: Ground) -> None:
    """Raises StepRefused when the copy that should stay is not there, or is the same file as `source`."""
    kept = _look(operation, ground)
    if kept is None:
        raise StepRefused(f"{operation.kept}, the copy that should stay, is not there, so {operation.source} is kept")
    if (kept.st_ino, kept.st_size, kept.st_mtime_ns) == (source.st_ino, source.st_size, source.st_mtime_ns):
        raise StepRefused(f"{operation.source} and {operation.kept} are two names of one file, so both are kept")


def check_kept(operation: Operation, ground: Ground) -> None:
    """With the duplicate out of the way: raises StepRefused when it, or the copy, is not what it was taken for."""
    assert operation.kept is not None
    refusal = f"{operation.kept} does not stand without {operation.source}, so both are kept"
    try:
        descriptor = os.open(operation.kept.name, _READ, dir_fd=ground.folder(operation.kept.parent))
    except OSError as error:
        raise StepRefused(refusal) from error
    try:
        status = os.fstat(descriptor)
        if not kernel.is_file(status) or _is_the_duplicate(operation, status, ground):
            raise StepRefused(refusal)
        if contents.digest_from_disk(descriptor) != operation.kept_digest:
            raise StepRefused(f"{operation.kept} no longer has the bytes it had, so {operation.source} is kept")
    finally:
        os.close(descriptor)
    _check_duplicate(operation, ground)


def stands(operation: Operation, ground: Ground) -> bool:
    """Whether `check_kept` has nothing to say."""
    try:
        check_kept(operation, ground)
    except (StepRefused, OSError):
        return False
    return True


def _check_duplicate(operation: Operation, ground: Ground) -> None:
    """What went must still be what the plan was made for; two pictures that differ in metadata have two digests."""
    descriptor = os.open(operation.target.name, _READ, dir_fd=ground.folder(operation.target.parent))
    try:
        if contents.digest_of(descriptor) != (operation.digest or operation.kept_digest):
            raise StepRefused(f"{operation.source} no longer has the bytes it had, so it is kept")
    finally:
        os.close(descriptor)


def _is_the_duplicate(operation: Operation, status: os.stat_result, ground: Ground) -> bool:
    for beside, name in (
        (operation.target, operation.target.name),
        (operation.source, operation.aside),
        (operation.source, operation.source.name),
    ):
        try:
            there = kernel.look(ground.folder(beside.parent), name)
        except FileNotFoundError:
            there = None
        if there is not None and os.path.samestat(there, status):
            return True
    return False


def _look(operation: Operation, ground: Ground) -> os.stat_result | None:
    assert operation.kept is not None
    try:
        status = kernel.look(ground.folder(operation.kept.parent), operation.kept.name)
    except FileNotFoundError:
        return None
    return status if kernel.is_file(status) else None
