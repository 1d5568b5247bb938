"""Which bytes of a file make its pixels, and whether the file is all there.

Comes in: a file of a known container. Goes out: the byte ranges that decide what is seen, and the orientation that
the metadata asks for; metadata that changes nothing to see (EXIF, XMP, comments, time stamps, thumbnails) stays out.
Color profiles stay in: they change what is seen. Refuses, with a reason, a file that is visibly cut short.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sameshot.decode import tiff
from sameshot.errors import PhotoUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sameshot.decode.reading import PositionedFile

_LARGEST_COUNT = 100_000  # segments, chunks or boxes of one file; no camera comes near
_PNG_PIXELS = {
    *(b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"),
    *(b"gAMA", b"cHRM", b"iCCP", b"sRGB", b"sBIT", b"cICP"),
}
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}


@dataclass(frozen=True, slots=True)
class PixelBytes:
    """Where the pixels are: half-open ranges, and `scan_from`, from where they go on to the end marker."""

    ranges: tuple[tuple[int, int], ...]
    orientation: int = 1
    scan_from: int | None = None


def pixel_bytes(file: PositionedFile, container: str) -> PixelBytes | None:
    """The bytes that make the pixels; None where the container does not let that be known cheaply.

    Raises PhotoUnreadable when the file is cut short.
    """
    if container == "JPEG":
        return _jpeg(file)
    if container == "PNG":
        return _chunked(_png_chunks(file), _PNG_PIXELS, b"eXIf", 0, file)
    if container == "WEBP":
        return _chunked(_webp_chunks(file), _WEBP_PIXELS, b"EXIF", 6, file)
    if container in {"HEIF", "AVIF"} or (container == "RAW" and file.at(4, 4) == b"ftyp"):
        _walk_boxes(file, container)
    elif container == "RAW" and _claimed_end(file) > file.size_bytes:  # a TIFF's own reader notices
        raise cut_short(container)
    return None


def cut_short(container: str) -> PhotoUnreadable:
    """The error for a file that ends before its picture does."""
    return PhotoUnreadable(f"the {container} data ends early: the file was cut short")


def _claimed_end(file: PositionedFile) -> int:
    if file.at(0, 15) == b"FUJIFILMCCD-RAW":  # preview, sensor header, sensor data: offset and length each
        places: tuple[int, ...] = struct.unpack(">6L", file.at(84, 24).ljust(24, b"\0"))
        return max(offset + length for offset, length in zip(places[::2], places[1::2], strict=True))
    return tiff.claimed_end(tiff.directories(file))


def _jpeg(file: PositionedFile) -> PixelBytes:
    ranges, orientation, position = [(0, 2)], 1, 2
    for _ in range(_LARGEST_COUNT):
        head = file.at(position, 18)
        if len(head) < 4:
            raise cut_short("JPEG")
        if head[0] != 0xFF:  # padding or a length that lies: go on at the next marker, as decoders do
            padding = file.at(position, 65_536).find(b"\xff")
            if padding < 0:
                raise PhotoUnreadable("the JPEG is damaged before its picture begins")
            position += padding
            continue
        marker, length = head[1], int.from_bytes(head[2:4], "big")
        if marker in {0x00, 0x01, 0xFF} or 0xD0 <= marker <= 0xD8:  # fill bytes and markers without a length
            position += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9 or length < 2:
            raise PhotoUnreadable("the JPEG holds no picture")
        if marker == 0xDA:
            return PixelBytes(tuple(ranges), orientation, position)
        payload = head[4:]
        if marker == 0xE1 and payload.startswith(b"Exif\0\0"):
            orientation = tiff.orientation(tiff.directories(file, position + 10))
        metadata = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not metadata or marker == 0xEE or (marker == 0xE2 and payload.startswith(b"ICC_PROFILE")):
            ranges.append((position, position + 2 + length))
        position += 2 + length
    raise PhotoUnreadable("the JPEG is damaged before its picture begins")


def _chunked(
    chunks: Iterator[tuple[bytes, int, int]], wanted: set[bytes], exif_name: bytes, prefix: int, file: PositionedFile
) -> PixelBytes:
    """`chunks` are (name, start, end) with the payload 8 bytes in; EXIF may carry JPEG's `Exif` prefix."""
    ranges: list[tuple[int, int]] = []
    orientation = 1
    for name, start, end in chunks:
        if name in wanted:
            adjacent = bool(ranges) and ranges[-1][1] == start
            ranges.append((ranges.pop()[0], end) if adjacent else (start, end))
        elif name == exif_name:
            prefixed = prefix and file.at(start + 8, 6) == b"Exif\0\0"
            orientation = tiff.orientation(tiff.directories(file, start + 8 + (prefix if prefixed else 0)))
    return PixelBytes(tuple(ranges), orientation)


def _png_chunks(file: PositionedFile) -> Iterator[tuple[bytes, int, int]]:
    position = 8
    for _ in range(_LARGEST_COUNT):
        head = file.at(position, 8)
        end = position + 12 + int.from_bytes(head[:4], "big")
        if len(head) < 8 or end > file.size_bytes:
            raise cut_short("PNG")
        yield head[4:8], position, end
        if head[4:8] == b"IEND":
            return
        position = end
    raise PhotoUnreadable("the PNG is damaged: it has too many parts")


def _webp_chunks(file: PositionedFile) -> Iterator[tuple[bytes, int, int]]:
    end_of_file = 8 + int.from_bytes(file.at(4, 4), "little")
    if end_of_file > file.size_bytes:
        raise cut_short("WEBP")
    position = 12
    for _ in range(_LARGEST_COUNT):
        if position + 8 > end_of_file:
            return
        head = file.at(position, 8)
        length = int.from_bytes(head[4:8], "little")
        yield head[:4], position, position + 8 + length
        position += 8 + length + length % 2
    raise PhotoUnreadable("the WEBP is damaged: it has too many parts")


def _walk_boxes(file: PositionedFile, container: str) -> None:
    position = 0
    for _ in range(_LARGEST_COUNT):
        if position == file.size_bytes:
            return
        head = file.at(position, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 0:  # to the end of the file
            return
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if len(head) < 8 or length < 8 or position + length > file.size_bytes:
            raise cut_short(container)
        position += length
    raise PhotoUnreadable(f"the {container} is damaged: it has too many parts")
