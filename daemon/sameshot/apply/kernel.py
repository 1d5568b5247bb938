"""The system calls that Python does not offer: rename without replacing, opening beneath a folder, cloning.

Comes in: open folder descriptors and names. Goes out: the same errors as `os` raises (OSError with its errno). Where a
kernel, a libc or a filesystem lacks the call, the next safest way is taken; none of them can overwrite a file.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

_RENAME_NO_REPLACE = 1
_OPENAT2 = 437  # the same number on every architecture
_RESOLVE_NO_MAGIC_LINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08
_FICLONE = 0x40049409
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_SUCH_CALL = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}
_AT_A_TIME = 8
_NO_HARD_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EMLINK}

Item = TypeVar("Item")

_libc = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def rename_no_replace(source_folder: int, source: str, target_folder: int, target: str) -> None:
    """Give a file another name; an existing name is never replaced.

    Raises FileExistsError when `target` exists in any form, OSError as rename(2) does (EXDEV across filesystems).
    """
    try:
        _renameat2(source_folder, source, target_folder, target)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise
        _rename_in_two_calls(source_folder, source, target_folder, target)


def _renameat2(source_folder: int, source: str, target_folder: int, target: str) -> None:
    if not hasattr(_libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    source_bytes, target_bytes = os.fsencode(source), os.fsencode(target)
    if _libc.renameat2(source_folder, source_bytes, target_folder, target_bytes, _RENAME_NO_REPLACE):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), source, None, target)


def _rename_in_two_calls(source_folder: int, source: str, target_folder: int, target: str) -> None:
    """Link + unlink (NFS, some FUSE); without hard links, an empty file reserves the name and is then replaced."""
    try:
        os.link(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target_folder))
        try:
            os.rename(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)
        except OSError:
            os.unlink(target, dir_fd=target_folder)
            raise
    else:
        os.unlink(source, dir_fd=source_folder)


def open_beneath(folder: int, relative: Path) -> int:
    """Descriptor of the folder `relative` beneath an open folder, no component of which is a symbolic link.

    Raises OSError: ELOOP or ENOTDIR at a symbolic link, ENOENT where nothing is, EXDEV at an escape.
    """
    how = _OpenHow(_FOLDER, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGIC_LINKS)
    for _ in range(64):  # EAGAIN: some folder was renamed meanwhile; the kernel asks to try again
        name = os.fsencode(relative)
        descriptor = int(_libc.syscall(_OPENAT2, folder, name, ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how))))
        if descriptor >= 0:
            return descriptor
        code = ctypes.get_errno()
        if code in (errno.ENOSYS, errno.EPERM):
            return _open_step_by_step(folder, relative)
        if code != errno.EAGAIN:
            break
    raise OSError(code, os.strerror(code), str(relative))


def _open_step_by_step(folder: int, relative: Path) -> int:
    descriptor = os.open(".", _FOLDER, dir_fd=folder)
    for part in relative.parts:
        try:
            if part == "..":
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(relative))
            deeper = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = deeper
    return descriptor


def clone(source: int, target: int) -> None:
    """Let `target` share the blocks of `source`. Raises OSError where the filesystem cannot (EOPNOTSUPP, EXDEV...)."""
    fcntl.ioctl(target, _FICLONE, source)


def written_by_another(descriptor: int) -> bool:
    """Whether some process has the file open for writing; False where the kernel does not tell (not owner, FUSE)."""
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # ignored by default; SIGIO would end the process
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def mount_of(descriptor: int) -> tuple[str, int]:
    """What renames can cross only inside of, for all that is known: the mount and the device of a folder."""
    try:
        facts = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    except OSError:
        facts = []
    mount = next((line for line in facts if line.startswith("mnt_id:")), "")
    return mount, os.fstat(descriptor).st_dev


def sync_folder(descriptor: int) -> None:
    """Make the names in a folder durable. Raises OSError, save where a filesystem has no fsync for folders."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise


def failures(act: Callable[[Item], object], items: Sequence[Item]) -> list[OSError | None]:
    """Has a slow call of the kernel made for each item; what it raised, None where all went well.

    Many are made at a time: a disk that several processes wait for brings all their files by one flush of its cache.
    """

    def failure(item: Item) -> OSError | None:
        try:
            act(item)
        except OSError as error:
            return error
        return None

    if len(items) < _AT_A_TIME:
        return [failure(item) for item in items]
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        return list(threads.map(failure, items))


def look(folder: int, name: str) -> os.stat_result | None:
    """Lstat of a name in an open folder, None where nothing is."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    return None


def is_file(status: os.stat_result | None) -> bool:
    """Whether the name is that of a regular file."""
    return status is not None and stat.S_ISREG(status.st_mode)
