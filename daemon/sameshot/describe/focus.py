"""Where a picture is sharp: how much fine detail and how much light each of 12 x 12 tiles holds.

Comes in: uint8 RGB pixels of one decode size. Goes out: a version byte, then 144 tiles of detail and 144 of light, in
rows. Detail is 16 times the base 2 logarithm of one more than the mean absolute Laplacian of the luma (a focus measure
of Nayar and Nakagawa, "Shape from Focus", 1994, there a sum of two directions); light is the mean luma, 0..255.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
TILES = 12
STEPS_PER_DOUBLING = 16


def describe(pixels: NDArray[np.uint8]) -> bytes:
    """The packed tiles. pixels: uint8 (h, w, 3), RGB."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    energy = np.abs(cv2.Laplacian(luma, cv2.CV_32F))
    detail = cv2.resize(energy, (TILES, TILES), interpolation=cv2.INTER_AREA)
    light = cv2.resize(luma, (TILES, TILES), interpolation=cv2.INTER_AREA)
    steps = np.clip(np.rint(STEPS_PER_DOUBLING * np.log2(1 + detail)), 0, 255).astype(np.uint8)
    return bytes([VERSION, *steps.ravel(), *light.ravel()])
