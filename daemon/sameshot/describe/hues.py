"""The colours of the picture at 24 x 24, without their light.

Comes in: uint8 RGB pixels. Goes out: a version byte, then for each place, in rows, how far it is from gray towards red
and towards blue (Cr and Cb of JPEG, 128 is gray). Stretching it square keeps places relative to the frame, which is how
`compare/` speaks of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1
SIDE_PX = 24


def describe(pixels: NDArray[np.uint8]) -> bytes:
    """The packed colours. pixels: uint8 (h, w, 3), RGB."""
    small = cv2.resize(pixels, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return bytes([VERSION]) + cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)[:, :, 1:].tobytes()
