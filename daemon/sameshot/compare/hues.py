"""Whether what two photos show in colour is of the same colour.

Comes in: two descriptors of `describe/hues.py`, and the map by which the first is laid over the second. Goes out: 0..1.
Exposure, contrast and saturation change no hue, and a gray copy has none that could differ; but two charts of one
program have their lines in one place and differ in their colours.
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
"""Distance from gray in steps of 8 bits: below it the light decides the hue, and noise."""
_SAME_HUE_COSINE = 0.5
"""Up to 60 degrees apart."""
_AGREEING_SHARE = 0.03
"""So much of the frame is taken to agree in any case: a few coloured places say little."""


def likeness(first: bytes | None, second: bytes | None, relative_map: NDArray[np.float64] | None) -> float:
    """The share of one hue in what both show in colour.

    1 where a look kept no colours, as those of older versions did. Raises ValueError on another version.
    """
    if first is None or second is None:
        return 1.0
    one, other = _unpack(first), _unpack(second)
    if relative_map is not None:
        # What lies beside the first picture is gray, which has no hue.
        one = np.asarray(cv2.warpPerspective(one, in_pixels(relative_map, SIDE_PX), (SIDE_PX, SIDE_PX)), np.float32)
    distances = np.linalg.norm(one, axis=2), np.linalg.norm(other, axis=2)
    coloured = (distances[0] > _COLOURED_FROM) & (distances[1] > _COLOURED_FROM)
    differ = coloured & ((one * other).sum(2) < _SAME_HUE_COSINE * distances[0] * distances[1])
    return 1 - float(differ.mean() / (coloured.mean() + _AGREEING_SHARE))


def _unpack(packed: bytes) -> NDArray[np.float32]:
    """float32 (SIDE_PX, SIDE_PX, 2), gray is 0."""
    if packed[0] != _VERSION:
        raise ValueError(f"colours of version {packed[0]} cannot be compared")
    return np.frombuffer(packed, np.uint8, offset=1).reshape(SIDE_PX, SIDE_PX, 2).astype(np.float32) - 128
