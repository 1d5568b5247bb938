"""How alike two photos look once one is laid over the other.

Comes in: two descriptors of `describe/thumbnail.py`, and the map between them where corners gave one. Goes out: the
correlation of their luma over the part they share, -1..1, after light and shade were evened out, so that an exposure does
not matter and a few equal corners in otherwise different pictures do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VERSION = 1
_SIDE_PX = 64
_SMALLEST_COMMON_SHARE = 0.05


def correlation(first: bytes, second: bytes, relative_map: NDArray[np.float64] | None) -> float:
    """The correlation of the common part, -1..1; without a map the frames are taken to be the same; 0 where none is."""
    one, other = _unpack(first), _unpack(second)
    common = np.ones(one.shape, bool)
    if relative_map is not None:
        scale = np.diag([_SIDE_PX, _SIDE_PX, 1.0])
        pixel_map = scale @ relative_map @ np.linalg.inv(scale)
        size = (_SIDE_PX, _SIDE_PX)
        covered = cv2.warpPerspective(np.ones_like(one), pixel_map, size, flags=cv2.INTER_NEAREST)
        one = np.asarray(cv2.warpPerspective(one, pixel_map, size), np.float32)
        common = covered > 0.5
    if common.mean() < _SMALLEST_COMMON_SHARE:
        return 0.0
    return _correlated(one[common], other[common])


def _correlated(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    one, other = one - one.mean(), other - other.mean()
    energy = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / energy if energy > 1e-6 else 0.0


def _unpack(packed: bytes) -> NDArray[np.float32]:
    """Luma, evened out: each place against its neighbourhood."""
    if packed[0] != _VERSION:
        raise ValueError(f"thumbnails of version {packed[0]} cannot be compared")
    luma = np.frombuffer(packed, np.uint8, offset=1).reshape(_SIDE_PX, _SIDE_PX).astype(np.float32)
    around = cv2.GaussianBlur(luma, (0, 0), 6)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur(luma**2, (0, 0), 6) - around**2, 0))
    even: NDArray[np.float32] = (luma - around) / (spread + 4.0)
    return even
