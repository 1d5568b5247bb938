"""A cloud drive for tests that run as root: one folder of photos, served by this process, every download counted.

The kernel's side of FUSE is spoken directly (https://www.kernel.org/doc/html/latest/filesystems/fuse.html), so nothing
needs to be installed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mounts import unmount

_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _STATFS, _INIT, _OPENDIR, _READDIR = 1, 2, 3, 14, 15, 17, 26, 27, 28
_NOTHING_TO_SAY = {18, 25, 29}  # RELEASE, FLUSH, RELEASEDIR
_NO_ANSWER = {_FORGET, 36, 42}  # FORGET, INTERRUPT, BATCH_FORGET
_libc = ctypes.CDLL(None, use_errno=True)


class CloudDrive:
    """The photos by name. `downloaded`: names of files of which bytes were asked for."""

    def __init__(self, photos: dict[str, bytes]) -> None:
        self.photos = photos
        self.downloaded: set[str] = set()
        self._names = sorted(photos)

    def answer(self, operation: int, node: int, body: bytes) -> bytes | int:
        """The reply to one request, or the number of an error."""
        if operation == _INIT:
            return struct.pack("<IIIIHHIIHHI", 7, 31, 65536, 0, 16, 12, 65536, 1, 1, 0, 0).ljust(64, b"\0")
        if operation == _LOOKUP:
            name = body.rstrip(b"\0").decode()
            if name not in self.photos:
                return 2
            found = self._names.index(name) + 2
            return struct.pack("<QQQQII", found, 0, 1, 1, 0, 0) + self._facts(found)
        if operation == _GETATTR:
            return struct.pack("<QII", 1, 0, 0) + self._facts(node)
        if operation in (_OPEN, _OPENDIR):
            return struct.pack("<QII", node, 0, 0)
        if operation == _READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            self.downloaded.add(self._names[node - 2])
            return self.photos[self._names[node - 2]][offset : offset + size]
        if operation == _READDIR:
            _, offset = struct.unpack_from("<QQ", body)
            return b"" if offset else b"".join(self._entry(number, name) for number, name in enumerate(self._names))
        if operation == _STATFS:
            return struct.pack("<QQQQQIIII", 1000, 500, 500, 100, 50, 4096, 255, 4096, 0).ljust(80, b"\0")
        return b"" if operation in _NOTHING_TO_SAY else 38

    def serve(self, line: int) -> None:
        """Answers until the drive is unmounted."""
        with contextlib.suppress(OSError):
            while request := os.read(line, 1 << 18):
                _, operation, unique, node = struct.unpack_from("<IIQQ", request)
                if operation in _NO_ANSWER:
                    continue
                reply = self.answer(operation, node, request[40:])
                error, content = (-reply, b"") if isinstance(reply, int) else (0, reply)
                os.write(line, struct.pack("<IiQ", 16 + len(content), error, unique) + content)

    def _facts(self, node: int) -> bytes:
        size = 0 if node == 1 else len(self.photos[self._names[node - 2]])
        mode = stat.S_IFDIR | 0o755 if node == 1 else stat.S_IFREG | 0o644
        return struct.pack("<6Q10I", node, size, 1, *(1_700_000_000,) * 3, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _entry(self, number: int, name: str) -> bytes:
        encoded = name.encode()
        head = struct.pack("<QQII", number + 2, number + 1, len(encoded), stat.S_IFREG >> 12)
        return (head + encoded).ljust(-(-(len(head) + len(encoded)) // 8) * 8, b"\0")


@contextlib.contextmanager
def cloud_drive(place: Path, photos: dict[str, bytes], kind: str = "fuse.rclone") -> Iterator[CloudDrive]:
    """Mounts a drive that holds `photos` at `place` until the block ends."""
    try:
        line = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no FUSE here: {error.strerror}")
    options = f"fd={line},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if _libc.mount(b"cloud", os.fsencode(place), kind.encode(), 0, options) != 0:
        os.close(line)
        pytest.skip(f"FUSE cannot be mounted here: {os.strerror(ctypes.get_errno())}")
    drive = CloudDrive(photos)
    server = threading.Thread(target=drive.serve, args=(line,), daemon=True)
    server.start()
    try:
        yield drive
    finally:
        unmount(place)
        server.join(10)
        os.close(line)
