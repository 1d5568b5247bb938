"""The picture at 96 x 96 as light and shade only: how far each place stands out from what surrounds it.

Comes in: uint8 RGB pixels. Goes out: a version byte and 96 x 96 values of 4 bits, in rows. Each is the luma less the
mean around it, over the deviation around it: exposure and contrast are gone, and what is left can be laid over
another photo's. Stretching it square keeps places relative to the frame, which is how `compare/` speaks of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 2
SIDE_PX = 96
_SURROUNDINGS_PX = 8.0
_NOISE_FLOOR = 1.0
_STEPS_PER_DEVIATION = 3.0


def describe(pixels: NDArray[np.uint8]) -> bytes:
    """The packed relief. pixels: uint8 (h, w, 3), RGB."""
    # Float before it shrinks: the mean of many pixels tells shades apart that one pixel of a dark frame cannot.
    fine = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    luma = cv2.resize(fine, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    mean = cv2.GaussianBlur(luma, (0, 0), _SURROUNDINGS_PX)
    variance = cv2.GaussianBlur(luma * luma, (0, 0), _SURROUNDINGS_PX) - mean * mean
    relief = (luma - mean) / (np.sqrt(np.maximum(variance, 0)) + _NOISE_FLOOR)
    steps = np.clip(np.rint(relief * _STEPS_PER_DEVIATION) + 8, 0, 15).astype(np.uint8).ravel()
    return bytes([VERSION]) + bytes(steps[0::2] << 4 | steps[1::2])
