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

_VERSION = 2
_SIDE_PX = 96
_SMALLEST_COMMON_SHARE = 0.05
_MARGIN_PX = 8  # frames and captions around photos end there
_PATCH_PX = 10
_FEWEST_PATCHES = 10
_LEAST_ENERGY = 1.0
_AGREEING_SHARE = 2 / 3


def correlation(first: bytes, second: bytes, relative_map: NDArray[np.float64] | None) -> float:
    """The correlation of the common part, -1..1; without a map the frames are taken to be the same; 0 where none is."""
    one, other, covered = _laid_over(first, second, relative_map)
    return _correlated(one[covered], other[covered]) if covered.mean() >= _SMALLEST_COMMON_SHARE else 0.0


def patches(first: bytes, second: bytes, relative_map: NDArray[np.float64] | None) -> float:
    """What two in three patches of the common part reach in correlation at least, -1..1; 0 where too few have relief.

    Patches that are flat in either picture do not count: black shadows, burnt skies, empty paper. The rim does not
    count: publishers' frames are there. So what two photos share in one place says nothing of the other places.
    """
    one, other, covered = _laid_over(first, second, relative_map)
    one, other, inside = _cut(one), _cut(other), _cut(covered.astype(np.float32)).all(axis=1)
    one, other = one - one.mean(1, keepdims=True), other - other.mean(1, keepdims=True)
    energies = (one**2).mean(1), (other**2).mean(1)
    counts = inside & (energies[0] > _LEAST_ENERGY) & (energies[1] > _LEAST_ENERGY)
    if counts.sum() < _FEWEST_PATCHES:
        return 0.0
    found = (one * other).mean(1)[counts] / np.sqrt(energies[0] * energies[1])[counts]
    return float(np.quantile(found, 1 - _AGREEING_SHARE))


def _laid_over(
    first: bytes, second: bytes, relative_map: NDArray[np.float64] | None
) -> tuple[MatLike, MatLike, NDArray[np.bool_]]:
    """The first as the map lays it over the second, the second, and where the first covers it."""
    one, other = _unpack(first), _unpack(second)
    if relative_map is None:
        return one, other, np.ones(one.shape, np.bool_)
    scale = np.diag([_SIDE_PX, _SIDE_PX, 1.0])
    pixel_map = scale @ relative_map @ np.linalg.inv(scale)
    size = (_SIDE_PX, _SIDE_PX)
    covered = cv2.warpPerspective(np.ones_like(one), pixel_map, size, flags=cv2.INTER_NEAREST) > 0
    return cv2.warpPerspective(one, pixel_map, size), other, covered


def _cut(values: MatLike) -> MatLike:
    """The picture without its rim as patches, one a row."""
    inner = values[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
    along = inner.shape[0] // _PATCH_PX
    return inner.reshape(along, _PATCH_PX, along, _PATCH_PX).swapaxes(1, 2).reshape(along**2, -1)


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
