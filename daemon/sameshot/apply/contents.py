"""Copies of one file's bytes and attributes, made under a temporary name and proved by a digest.

Comes in: open descriptors. Goes out: a file with the same bytes, extended attributes, owner (where permitted), mode and
times, or an OSError. Shares blocks where the filesystem can, copies in the kernel where it can, else through memory.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat

from sameshot.apply import kernel
from sameshot.errors import StepRefused

_PIECE_BYTES = 1 << 20
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV, errno.ENOTTY, errno.EPERM, errno.EBADF}


def digest_of(descriptor: int) -> bytes:
    """SHA-256 of the whole file, read from its start."""
    digest = hashlib.sha256()
    buffer = bytearray(_PIECE_BYTES)
    view = memoryview(buffer)
    offset = 0
    while count := os.preadv(descriptor, [buffer], offset):
        digest.update(view[:count])
        offset += count
    return digest.digest()


def digest_from_disk(descriptor: int) -> bytes:
    """As `digest_of`, of what the disk holds: what the memory holds is let go first, where the kernel agrees."""
    _let_go_of_memory(descriptor)
    return digest_of(descriptor)


def start_writing_out(descriptor: int) -> None:
    """Have the disk begin with a file just written: who waits for one of many then has waited for most."""
    _let_go_of_memory(descriptor)  # what cannot be let go yet, because no disk has it, is written


def wait_and_fetch(descriptor: int) -> None:
    """Wait until the disk has the file, and have it read back while others are waited for. Raises OSError."""
    os.fsync(descriptor)
    _let_go_of_memory(descriptor)
    with contextlib.suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)


def _let_go_of_memory(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def copy_bytes(source: int, target: int, size_bytes: int, *, must_share: bool) -> None:
    """Bring all bytes of `source` into the empty file `target`.

    Raises StepRefused when blocks must be shared and the filesystem cannot, OSError when reading or writing fails.
    """
    try:
        kernel.clone(source, target)
    except OSError as error:
        if must_share:
            if error.errno in _CANNOT:
                raise StepRefused("this filesystem cannot make reflinks between these two folders") from error
            raise
        done = _copy_in_kernel(source, target, size_bytes)
        _copy_through_memory(source, target, done)


def _copy_in_kernel(source: int, target: int, size_bytes: int) -> int:
    done = 0
    try:
        while done < size_bytes and (count := os.copy_file_range(source, target, size_bytes - done, done, done)):
            done += count
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    return done


def _copy_through_memory(source: int, target: int, offset: int) -> None:
    while piece := os.pread(source, _PIECE_BYTES, offset):
        written = 0
        while written < len(piece):
            written += os.pwrite(target, piece[written:], offset + written)
        offset += written


def copy_attributes(source: int, target: int, *, completely: bool) -> None:
    """Give `target` the extended attributes, owner, mode and times of `source`.

    What the system keeps for itself (security labels, the owner where only root may give files away) is left out where
    it is not permitted. Raises StepRefused when `completely` and the filesystem cannot keep the owner's own attributes.
    """
    _copy_extended_attributes(source, target, completely=completely)
    status = os.fstat(source)
    now = os.fstat(target)
    if (status.st_uid, status.st_gid) != (now.st_uid, now.st_gid):
        with contextlib.suppress(OSError):
            os.fchown(target, status.st_uid, status.st_gid)
    try:
        os.fchmod(target, stat.S_IMODE(status.st_mode))
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_extended_attributes(source: int, target: int, *, completely: bool) -> None:
    try:
        names = os.listxattr(source)
    except OSError:
        return
    for name in names:
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            if completely and name.startswith("user."):
                raise StepRefused(f"the target's filesystem cannot keep the attribute {name!r} of this file") from error
