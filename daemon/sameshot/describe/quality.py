"""Technical facts about one photo that rank it within its group.

Comes in: uint8 RGB pixels of one decode size. Goes out: `Quality`. Sharpness is that of the sharpest tile, since a
shallow depth of field leaves most of a good portrait soft; it is measured on luma whose contrast was evened out, so
that it ranks focus and not light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from sameshot.model import Quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TILES = 8


def quality(pixels: NDArray[np.uint8]) -> Quality:
    """Sharpness, brightness and clipped share of one picture. pixels: uint8 (h, w, 3), RGB, at one decode size."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    energy = cv2.Laplacian(gray, cv2.CV_32F) ** 2
    tiles = cv2.resize(energy, (_TILES, _TILES), interpolation=cv2.INTER_AREA)
    spread = max(float(gray.std()), 1.0)
    return Quality(
        sharpness=float(np.sqrt(tiles.max())) / spread,
        brightness=float(gray.mean()) / 255,
        clipped=float(np.mean((gray <= 2) | (gray >= 253))),
    )
