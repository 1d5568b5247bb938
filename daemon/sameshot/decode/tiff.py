"""The directories of a TIFF, as RAW files and EXIF hold them: enough to tell a RAW from a TIFF and whole from cut.

Comes in: a file and where in it a TIFF header stands. Goes out: the numbers in its directories. Follows TIFF 6.0 and
TIFF/EP, reads integers only, and stops at bounds instead of trusting a count: a loop or a lie costs nothing.
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sameshot.decode.reading import PositionedFile

Directory = dict[int, tuple[int, ...]]

ORIENTATION = 0x0112
SUB_DIRECTORIES = 0x014A
DNG_VERSION = 0xC612

_LARGEST_DIRECTORIES, _LARGEST_ENTRIES, _LARGEST_ARRAY = 24, 512, 65_536
# BYTE, ASCII and UNDEFINED count as bytes; rationals and floats are not needed here.
_INTEGER_TYPES = {1: "B", 2: "B", 3: "H", 4: "L", 7: "B", 13: "L"}
# Color filter array, linear sensor data.
_SENSOR_PHOTOMETRIC = {32_803, 34_892}
# Sony, Nikon, Pentax, Samsung and Kodak have compressions of their own.
_SENSOR_COMPRESSION = {32_767, 32_769, 32_770, 34_713, 65_000, 65_535}
_EXTENTS = ((273, 279), (324, 325))  # strips and tiles: offsets and byte counts


def directories(file: PositionedFile, start: int = 0) -> tuple[Directory, ...]:
    """The directories of the TIFF whose header stands at `start`, the first chain first; () where there is none.

    Olympus and Panasonic write other numbers than 42 behind the byte order; BigTIFF is left out.
    """
    head = file.at(start, 8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8 or head[2:4] in {b"\x2b\x00", b"\x00\x2b"}:
        return ()
    found: list[Directory] = []
    seen: set[int] = set()
    waiting = [struct.unpack(order + "L", head[4:8])[0]]
    while waiting and len(found) < _LARGEST_DIRECTORIES:
        offset = waiting.pop(0)
        if offset == 0 or offset in seen:
            continue
        seen.add(offset)
        count_bytes = file.at(start + offset, 2)
        if len(count_bytes) < 2:
            continue
        count = min(struct.unpack(order + "H", count_bytes)[0], _LARGEST_ENTRIES)
        body = file.at(start + offset + 2, count * 12 + 4)
        directory = dict(_entries(file, start, order, body[: count * 12]))
        found.append(directory)
        waiting += directory.get(SUB_DIRECTORIES, ())[:8]
        if len(body) == count * 12 + 4:
            waiting.append(struct.unpack(order + "L", body[-4:])[0])
    return tuple(found)


def _entries(file: PositionedFile, start: int, order: str, body: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    for position in range(0, len(body) - 11, 12):
        tag, kind, count = struct.unpack_from(order + "HHL", body, position)
        letter = _INTEGER_TYPES.get(kind)
        if letter is None or not 0 < count <= _LARGEST_ARRAY:
            continue
        length = struct.calcsize(f"{order}{count}{letter}")
        value = body[position + 8 : position + 8 + length]
        if length > 4:
            value = file.at(start + struct.unpack_from(order + "L", body, position + 8)[0], length)
        if len(value) == length:
            yield tag, struct.unpack(f"{order}{count}{letter}", value)


def holds_sensor_data(found: tuple[Directory, ...]) -> bool:
    """Whether the directories are a camera RAW's rather than a finished picture's."""
    return any(
        DNG_VERSION in directory
        or directory.get(262, (0,))[0] in _SENSOR_PHOTOMETRIC
        or directory.get(259, (0,))[0] in _SENSOR_COMPRESSION
        for directory in found
    )


def claimed_end(found: tuple[Directory, ...]) -> int:
    """The position behind the last byte of picture data that the directories point at; 0 where they say nothing."""
    ends = [0]
    for directory, (offsets_tag, counts_tag) in itertools.product(found, _EXTENTS):
        offsets, counts = directory.get(offsets_tag, ()), directory.get(counts_tag, ())
        if len(offsets) == len(counts):
            # All ones is how Panasonic says that the place is written elsewhere.
            ends += [o + c for o, c in zip(offsets, counts, strict=True) if o != 0xFFFF_FFFF]
    return max(ends)


def orientation(found: tuple[Directory, ...]) -> int:
    """How the first directory says the picture is to be turned: 1 (as it is) to 8."""
    value = found[0].get(ORIENTATION, (1,))[0] if found else 1
    return value if 1 <= value <= 8 else 1
