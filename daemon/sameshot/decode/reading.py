"""A file read through an open descriptor, by position.

Comes in: a descriptor somebody else opened and owns. Goes out: a seekable binary file that never touches the
descriptor's own offset, so that two readers of one descriptor do not disturb each other, and that offers no `fileno`,
so that no C library seeks behind our back.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from sameshot.errors import PhotoUnreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class PositionedFile(io.RawIOBase):
    """A read-only view of a regular file. The descriptor stays open and where it was."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._position = 0
        self.size_bytes = os.fstat(descriptor).st_size

    def at(self, offset: int, length: int) -> bytes:
        """The bytes from `offset`: `length` of them, fewer only at the end of the file.

        Raises PhotoUnreadable when the disk cannot read them.
        """
        parts = []
        while length > 0 and 0 <= offset < self.size_bytes:
            try:
                part = os.pread(self._descriptor, min(length, self.size_bytes - offset), offset)
            except OSError as error:
                raise PhotoUnreadable(f"the disk cannot read the file ({error.strerror})") from error
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next read begins; of this view alone."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves this view alone."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size_bytes}[whence]
        if origin + offset < 0:
            raise ValueError("a position before the start of the file")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills the buffer as far as the file goes; how many bytes that were."""
        view = memoryview(buffer).cast("B")
        data = self.at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
