"""The second, larger look at a photo that has others beside it: how sharp its sharpest place is, and whether in colour.

Comes in: uint8 RGB pixels at full size. Goes out: what `Inspection` holds of the picture. Sharpness is that of the
sharpest tile, since a shallow depth of field leaves most of a good portrait soft. It is told at the picture's own size,
where five pixels of motion show, and at a few smaller ones, so that a photo can be compared with a smaller copy at the
size of the copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

FULL_SIZE_PX = 1 << 16
"""What a decoder is asked for, to give all it has."""
_SIZES_PX = (2048, 1024, 512)
_TILE_PX = 64
_ROWS_AT_ONCE = 16 * _TILE_PX
_COLOR_SIDE_PX = 128


def sharpness(pixels: NDArray[np.uint8]) -> dict[int, float]:
    """Long side in px -> energy of the sharpest tile at that size, for the picture's own size and smaller ones."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    long_side_px = max(gray.shape)
    found = {long_side_px: _sharpest(gray)}
    for size_px in _SIZES_PX:
        if size_px < long_side_px:
            factor = size_px / max(gray.shape)
            gray = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            found[size_px] = _sharpest(gray)
    return found


def color(pixels: NDArray[np.uint8]) -> float:
    """The mean distance of the channels from each other, 0..1."""
    small = cv2.resize(pixels, (_COLOR_SIDE_PX, _COLOR_SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.int16)
    return float((small.max(axis=2) - small.min(axis=2)).mean()) / 255


def _sharpest(gray: MatLike) -> float:
    """The root of the highest mean energy of a tile, over the contrast of the picture, so that light does not count."""
    highest = 0.0
    for top in range(0, gray.shape[0], _ROWS_AT_ONCE):  # in strips: a whole picture as float would take four times it
        strip = gray[top : top + _ROWS_AT_ONCE]
        energy = cv2.Laplacian(strip, cv2.CV_32F)
        cv2.multiply(energy, energy, energy)
        tiles = (max(1, strip.shape[1] // _TILE_PX), max(1, strip.shape[0] // _TILE_PX))
        highest = max(highest, float(cv2.resize(energy, tiles, interpolation=cv2.INTER_AREA).max()))
    return float(np.sqrt(highest)) / max(float(cv2.meanStdDev(gray)[1][0, 0]), 1.0)
