"""Whether what two photos show in colour is of the same colour.

Comes in: two descriptors of `describe/hues.py`, and the map by which the first is laid over the second. Goes out: 0..1.
Light, contrast and saturation change no hue, and a gray copy has none that could differ; but two charts of one program
have their lines in one place and their colours in others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from sameshot.compare.relief import in_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VERSION = 1
SIDE_PX = 24
_COLOURED_FROM = 20.0
"""Distance from gray in steps of 8 bits: below it a hue is noise, or what a warm lamp leaves of it."""
_SAME_HUE_COSINE = 0.5
"""Up to 60 degrees apart."""
_GRAY_SHARE = 0.03
"""So much of the frame counts as of one colour: a few coloured places say nothing of all others."""


def likeness(first: bytes, second: bytes, relative_map: NDArray[np.float64] | None) -> float:
    """1 less the share of other hues in what both show in colour. Raises ValueError on another version."""
    one, other = _unpack(first), _unpack(second)
    size = (SIDE_PX, SIDE_PX)
    if relative_map is not None:
        # What lies beside the first picture is gray, which has no hue.
        one = np.asarray(cv2.warpPerspective(one, in_pixels(relative_map, SIDE_PX), size), np.float32)
    distances = np.linalg.norm(one, axis=2), np.linalg.norm(other, axis=2)
    coloured = (distances[0] > _COLOURED_FROM) & (distances[1] > _COLOURED_FROM)
    differ = coloured & ((one * other).sum(2) < _SAME_HUE_COSINE * distances[0] * distances[1])
    return 1 - float(differ.mean() / (coloured.mean() + _GRAY_SHARE))


def _unpack(packed: bytes) -> NDArray[np.float32]:
    """float32 (SIDE_PX, SIDE_PX, 2), gray is 0."""
    if packed[0] != _VERSION:
        raise ValueError(f"colours of version {packed[0]} cannot be compared")
    return np.frombuffer(packed, np.uint8, offset=1).reshape(SIDE_PX, SIDE_PX, 2).astype(np.float32) - 128
