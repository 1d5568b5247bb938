"""How alike two photos look once one is laid over the other.

Comes in: two descriptors of `describe/relief.py`, and the map between them where corners gave one. Goes out: the
correlation of their light and shade over the part they share, -1..1. It sees whole pictures where corners see points:
a logo that two photos share gives many equal corners and no correlation, six stops of light cost most corners and
little correlation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

_VERSION = 1
_SIDE_PX = 96
_SMALLEST_COMMON_SHARE = 0.05


def correlation(first: bytes, second: bytes, relative_map: NDArray[np.float64] | None) -> float:
    """The correlation of the common part, -1..1; without a map the frames are taken to be the same; 0 where none is."""
    one, other = _unpack(first), _unpack(second)
    if relative_map is None:
        return _correlated(one, other)
    scale = np.diag([_SIDE_PX, _SIDE_PX, 1.0])
    pixel_map = scale @ relative_map @ np.linalg.inv(scale)
    size = (_SIDE_PX, _SIDE_PX)
    covered = cv2.warpPerspective(np.ones_like(one), pixel_map, size, flags=cv2.INTER_NEAREST) > 0
    if covered.mean() < _SMALLEST_COMMON_SHARE:
        return 0.0
    return _correlated(cv2.warpPerspective(one, pixel_map, size)[covered], other[covered])


def _correlated(one: MatLike, other: MatLike) -> float:
    one, other = one - one.mean(), other - other.mean()
    energy = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / energy if energy > 0 else 0.0


def _unpack(packed: bytes) -> MatLike:
    if packed[0] != _VERSION:
        raise ValueError(f"reliefs of version {packed[0]} cannot be compared")
    pairs = np.frombuffer(packed, np.uint8, offset=1)
    steps = np.column_stack([pairs >> 4, pairs & 15]).reshape(_SIDE_PX, _SIDE_PX)
    return steps.astype(np.float32) - 8
