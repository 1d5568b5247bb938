"""A small gray read of the whole picture: what the measures that lay picture on picture keep of it.

Comes in: uint8 RGB pixels and the size wanted. Goes out: a version byte, width and height, then the luma in rows. The
picture is stretched to that size, so that any two can be laid on each other.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1
_HEADER = struct.Struct("<BHH")


def describe(pixels: NDArray[np.uint8], width_px: int, height_px: int) -> bytes:
    """The packed read. pixels: uint8 (h, w, 3), RGB."""
    shrinks = width_px * height_px < pixels.shape[0] * pixels.shape[1]
    small = cv2.resize(pixels, (width_px, height_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return bytes(_HEADER.pack(VERSION, width_px, height_px) + cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).tobytes())
