"""The hashes of the ImageHash package besides the default one: differences, wavelets, and one that survives crops.

Comes in: uint8 RGB pixels and the kind. Goes out: a version byte and 8 bytes for each hash; the crop-resistant kind
has one hash for each segment of the picture (Steinebach, Liu and Yannikos, 2014).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagehash
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
_MOST_SEGMENTS = 32
_SEGMENTED_AT_PX = 128
_SMALLEST_SEGMENT_PX = 80


def describe(pixels: NDArray[np.uint8], kind: str) -> bytes:
    """The packed hash, or hashes. pixels: uint8 (h, w, 3), RGB. `kind`: phash, dhash, whash or crop_resistant."""
    image = Image.fromarray(pixels)
    if kind == "crop_resistant":
        found = imagehash.crop_resistant_hash(
            image,
            limit_segments=_MOST_SEGMENTS,
            min_segment_size=_SMALLEST_SEGMENT_PX,
            segmentation_image_size=_SEGMENTED_AT_PX,
        ).segment_hashes
    else:
        found = [{"phash": imagehash.phash, "dhash": imagehash.dhash, "whash": imagehash.whash}[kind](image)]
    return bytes([VERSION]) + b"".join(np.packbits(one.hash).tobytes() for one in found)
