"""The picture at 64 x 64, whatever its shape was: what is left to look at when a pair is aligned.

Comes in: uint8 RGB pixels. Goes out: a version byte and 64 x 64 bytes of luma. Stretching it square keeps places relative
to the frame, which is how `compare/` speaks of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1
SIDE_PX = 64


def describe(pixels: NDArray[np.uint8]) -> bytes:
    """The packed thumbnail. pixels: uint8 (h, w, 3), RGB."""
    small = cv2.resize(pixels, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return bytes([VERSION]) + cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).tobytes()
