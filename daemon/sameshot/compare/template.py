"""How well the middle of one picture is found in the other: the error of template matching, turned into likeness.

Comes in: two descriptors of `describe/gray.py`. Goes out: 0..1. The middle of each slides over the whole of the
other; the smallest squared difference, relative to the energy of both (OpenCV's TM_SQDIFF_NORMED), is the error. A
small shift thus costs nothing. The better of the two directions counts, so the order does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from sameshot.compare.gray import unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MARGIN = 1 / 16
"""The share of each side that the template leaves out, and so the largest shift that is forgiven."""


def score(a: bytes, b: bytes) -> float:
    """One less the matching error, 1 for identical pictures. Raises ValueError where the reads are of two sizes."""
    if a == b:  # OpenCV's sums of squares leave a millionth
        return 1.0
    one, other = unpack(a, b)
    return max(0.0, 1.0 - min(_error(one, other), _error(other, one)))


def _error(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> float:
    height_px, width_px = source.shape
    top, left = int(height_px * _MARGIN), int(width_px * _MARGIN)
    template = source[top : height_px - top, left : width_px - left]
    if not template.any():
        return 0.0 if not target.any() else 1.0  # black has no energy to be relative to
    found = cv2.matchTemplate(target, template, cv2.TM_SQDIFF_NORMED)
    return min(1.0, max(0.0, float(found.min())))
