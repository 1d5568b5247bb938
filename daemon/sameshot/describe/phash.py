"""The perceptual hash: which of the 64 lowest frequencies of the picture's luma lie above their median.

Comes in: uint8 RGB pixels. Goes out: a version byte and 8 bytes. The hash is ImageHash's `phash` (after Krawetz,
2011).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagehash
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1


def describe(pixels: NDArray[np.uint8]) -> bytes:
    """The packed hash. pixels: uint8 (h, w, 3), RGB."""
    return bytes([VERSION]) + np.packbits(imagehash.phash(Image.fromarray(pixels)).hash).tobytes()
