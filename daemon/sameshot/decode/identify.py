"""What a file contains: the digest of all its bytes, the digest of its pixels, its container.

Comes in: an open read-only descriptor. Goes out: an `Identity`. One pass over the bytes for both digests. The pixel
digest leaves out what does not change what is seen, so that a rating written into a JPEG costs no new look; the
orientation is folded in, because it does. Refuses what is no picture and what is visibly cut short.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from sameshot.decode.containers import container
from sameshot.decode.reading import PositionedFile
from sameshot.decode.segments import PixelBytes, cut_short, pixel_bytes
from sameshot.model import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 1 << 20
_JPEG_END = re.compile(rb"\xff\xd9")  # in scan data, full of 0xFF, this is twice as fast as bytes.find


def identify(descriptor: int) -> Identity:
    """Digests and container of the regular file behind `descriptor`, read from its start; its offset is left alone.

    Raises PhotoUnreadable when the bytes are no picture, or a picture cut short, or cannot be read.
    """
    file = PositionedFile(descriptor)
    format_name = container(file)
    pixels = pixel_bytes(file, format_name)
    whole, visible = hashlib.sha256(), hashlib.sha256()
    scan = _Scan(None if pixels is None else pixels.scan_from)
    position = 0
    while chunk := file.at(position, _CHUNK_BYTES):
        whole.update(chunk)
        if pixels is not None:
            for part in _in_ranges(pixels, position, chunk):
                visible.update(part)
            visible.update(scan.part(position, chunk))
        position += len(chunk)
    if not scan.ended:
        raise cut_short(format_name)
    if pixels is None:
        return Identity(whole.digest(), whole.digest(), format_name)
    if pixels.orientation != 1:
        visible.update(b"orientation %d" % pixels.orientation)
    return Identity(whole.digest(), visible.digest(), format_name)


def _in_ranges(pixels: PixelBytes, position: int, chunk: bytes) -> Iterator[memoryview]:
    for start, end in pixels.ranges:
        if start < position + len(chunk) and end > position:
            yield memoryview(chunk)[max(0, start - position) : end - position]


class _Scan:
    """The entropy-coded part of a JPEG, up to its end marker: 0xFF 0xD9 stands nowhere else behind the first scan.

    What follows the marker (a second frame, a gain map, a video) is not this picture.
    """

    def __init__(self, start: int | None) -> None:
        self._start = start
        self._halved = False
        self.ended = start is None

    def part(self, position: int, chunk: bytes) -> memoryview:
        """What of this chunk, which stands at `position`, belongs to the scan."""
        if self.ended or self._start is None or self._start >= position + len(chunk):
            return memoryview(b"")
        begin = max(0, self._start - position)
        across = self._halved and chunk.startswith(b"\xd9")  # the marker stands across two chunks
        found = None if across else _JPEG_END.search(chunk, begin)
        self.ended = across or found is not None
        self._halved = chunk.endswith(b"\xff")
        if across:
            return memoryview(chunk)[:1]
        return memoryview(chunk)[begin : found.end() if found else len(chunk)]
