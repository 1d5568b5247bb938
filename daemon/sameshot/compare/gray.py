"""Two small gray reads, unpacked and ready to be laid on each other.

Comes in: two descriptors of `describe/gray.py`. Goes out: two arrays of one shape. Refuses reads of different sizes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VERSION = 1
_HEADER = struct.Struct("<BHH")


def unpack(first: bytes, second: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both pictures, uint8 (height, width). Raises ValueError where their versions or sizes differ."""
    if first[: _HEADER.size] != second[: _HEADER.size] or first[0] != _VERSION:
        raise ValueError("gray reads of different sizes or versions cannot be compared")
    _, width_px, height_px = _HEADER.unpack_from(first)
    one, other = (
        np.frombuffer(packed, np.uint8, offset=_HEADER.size).reshape(height_px, width_px) for packed in (first, second)
    )
    return one, other
