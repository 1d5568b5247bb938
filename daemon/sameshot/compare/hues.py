"""Whether what two photos show in colour is of the same colour.

Comes in: two descriptors of `describe/hues.py`, and the map by which the first is laid over the second. Goes out: 0..1.
Exposure, contrast and saturation change no hue, a gray copy has none that could differ, and the colour of the light
moves all of them one way, which is taken out; but two charts of one program have their lines in one place and differ in
their colours.
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
"""Distance from gray in steps of 8 bits: below it noise decides the hue."""
_SAME_HUE_COSINE = 0.5
"""Up to 60 degrees apart."""
_AGREEING_SHARE = 0.03
"""So much of what both show is taken to agree in any case: a few coloured places say little."""


def likeness(first: bytes | None, second: bytes | None, relative_map: NDArray[np.float64] | None) -> float:
    """The share of one hue in what both show in colour: as they are, or without one cast, whichever is more.

    1 where a look kept no colours, as those of older versions did. Raises ValueError on another version.
    """
    if first is None or second is None:
        return 1.0
    one, other = _unpack(first), _unpack(second)
    covered = np.ones(one.shape[:2], np.bool_)
    if relative_map is not None:
        pixel_map, size = in_pixels(relative_map, SIDE_PX), (SIDE_PX, SIDE_PX)
        covered = cv2.warpPerspective(np.ones(size, np.float32), pixel_map, size, flags=cv2.INTER_NEAREST) > 0
        one = np.asarray(cv2.warpPerspective(one, pixel_map, size), np.float32)
    if not covered.any():
        return 1.0
    one, other = one[covered], other[covered]
    half_cast = np.median(other - one, axis=0) / 2
    return max(_of_one_hue(one, other), _of_one_hue(one + half_cast, other - half_cast))


def _of_one_hue(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """one, other: float32 (n, 2), the colours of the same places."""
    distances = np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1)
    coloured = (distances[0] > _COLOURED_FROM) & (distances[1] > _COLOURED_FROM)
    differ = coloured & ((one * other).sum(1) < _SAME_HUE_COSINE * distances[0] * distances[1])
    return 1 - float(differ.mean() / (coloured.mean() + _AGREEING_SHARE))


def _unpack(packed: bytes) -> NDArray[np.float32]:
    """float32 (SIDE_PX, SIDE_PX, 2), gray is 0."""
    if packed[0] != _VERSION:
        raise ValueError(f"colours of version {packed[0]} cannot be compared")
    return np.frombuffer(packed, np.uint8, offset=1).reshape(SIDE_PX, SIDE_PX, 2).astype(np.float32) - 128
