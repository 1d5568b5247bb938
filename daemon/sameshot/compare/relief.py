"""How alike two photos look once one is laid over the other.

Comes in: two descriptors of `describe/relief.py`, and the map between them where corners gave one. Goes out: the
correlation of their light and shade over the part they share, -1..1. It sees whole pictures where corners see points:
a logo that two photos share gives many equal corners and no correlation, six stops of light cost most corners and
little correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

_VERSION = 2
SIDE_PX = 96
_SMALLEST_COMMON_SHARE = 0.05
_MARGIN_PX = 8  # frames and captions around photos end there
_RIM_PX = 16  # as far as the surroundings of a place reach
_PATCH_PX = 10
_FEWEST_PATCHES = 10
_LEAST_ENERGY = 1.0
_AGREEING_SHARE = 2 / 3
_SHRUNK_PX = 24
_PLACES_ASIDE = 24
_TURNED_FROM = 0.75
"""A correlation that turned strangers hardly reach."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The first picture laid over the second, reliefs as float32 (SIDE_PX, SIDE_PX), and where the first covers it."""

    one: MatLike
    other: MatLike
    covered: NDArray[np.bool_]

    def correlation(self) -> float:
        """The correlation of the common part, -1..1; 0 where there is hardly one.

        With the rim or without, whichever is less: of plain walls and clear skies the rim is all that stands out of its
        surroundings, for those end there, and it is alike in all of them.
        """
        if self.covered.mean() < _SMALLEST_COMMON_SHARE:
            return 0.0
        inner = np.zeros_like(self.covered)
        inner[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX] = True
        return min(_correlation(self.one[part], self.other[part]) for part in (self.covered, self.covered & inner))

    def patches(self) -> float:
        """What two in three patches of the common part reach in correlation, -1..1; 0 where too few have relief.

        Patches that are flat in either picture do not count: black shadows, burnt skies, empty paper. The rim does not
        count: publishers' frames are there. So what two photos share in one place says nothing of the other places.
        """
        one, other, inside = _cut(self.one), _cut(self.other), _cut(self.covered.astype(np.float32)).all(axis=1)
        one, other = one - one.mean(1, keepdims=True), other - other.mean(1, keepdims=True)
        energies = (one**2).mean(1), (other**2).mean(1)
        counts = inside & (energies[0] > _LEAST_ENERGY) & (energies[1] > _LEAST_ENERGY)
        if counts.sum() < _FEWEST_PATCHES:
            return 0.0
        found = (one * other).mean(1)[counts] / np.sqrt(energies[0] * energies[1])[counts]
        return float(np.quantile(found, 1 - _AGREEING_SHARE))


def laid_over(first: bytes, second: bytes, relative_map: NDArray[np.float64] | None) -> Overlay:
    """The first as the map lays it over the second; without a map the frames are taken to be the same."""
    one, other = _unpack(first), _unpack(second)
    if relative_map is None:
        return Overlay(one, other, np.ones(one.shape, np.bool_))
    pixel_map = in_pixels(relative_map, SIDE_PX)
    size = (SIDE_PX, SIDE_PX)
    covered = cv2.warpPerspective(np.ones_like(one), pixel_map, size, flags=cv2.INTER_NEAREST) > 0
    return Overlay(cv2.warpPerspective(one, pixel_map, size), other, covered)


def in_pixels(relative_map: NDArray[np.float64], side_px: int) -> NDArray[np.float64]:
    """The map between frames as one between square pictures of this side."""
    scale = np.array([[side_px, 0, -0.5], [0, side_px, -0.5], [0, 0, 1]])  # a pixel's middle is a whole number
    found: NDArray[np.float64] = scale @ relative_map @ np.linalg.inv(scale)
    return found


def common(relative_map: NDArray[np.float64] | None) -> float:
    """How much of its frame each picture shares with the other by the map, the lesser of the two, 0..1."""
    if relative_map is None:
        return 1.0
    middles = (np.arange(_PLACES_ASIDE) + 0.5) / _PLACES_ASIDE
    places = np.stack([*np.meshgrid(middles, middles), np.ones((_PLACES_ASIDE, _PLACES_ASIDE))], -1)
    shares = []
    for each in (relative_map, np.linalg.inv(relative_map)):
        homogeneous = places @ each.T
        there = homogeneous[..., :2] / homogeneous[..., 2:]
        shares.append(float(((there >= 0) & (there < 1)).all(-1).mean()))
    return min(shares)


def turn(first: bytes, second: bytes) -> NDArray[np.float64] | None:
    """The map by which the first has to be turned by quarters, or mirrored, to be the second; None where it has not to.

    Programs turn copies by quarters, and to the encoder and to frames as they are such a copy is a stranger.
    """
    one, other = (_shrunk(packed) for packed in (first, second))
    turned = np.array([np.rot90(side, quarters) for side in (one, one[:, ::-1]) for quarters in range(4)])
    correlations = turned.reshape(8, -1) @ other.reshape(-1)
    best = int(correlations.argmax())
    if best == 0 or correlations[best] < _TURNED_FROM:
        return None
    quarter = np.array([[0.0, 1, 0], [-1, 0, 1], [0, 0, 1]])
    mirror = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
    found: NDArray[np.float64] = np.linalg.matrix_power(quarter, best % 4) @ (mirror if best >= 4 else np.eye(3))
    return found if laid_over(first, second, found).correlation() >= _TURNED_FROM else None


@lru_cache(maxsize=4)
def _shrunk(packed: bytes) -> NDArray[np.float32]:
    """A small picture of mean 0 and energy 1: enough to tell which way up it is."""
    small = np.asarray(cv2.resize(_unpack(packed), (_SHRUNK_PX, _SHRUNK_PX), interpolation=cv2.INTER_AREA), np.float32)
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), _LEAST_ENERGY)


def _correlation(one: MatLike, other: MatLike) -> float:
    if not len(one):
        return 0.0
    one, other = one - one.mean(), other - other.mean()
    energy = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / energy if energy > 0 else 0.0


def _cut(values: MatLike) -> MatLike:
    """The picture without its rim as patches, one a row."""
    inner = values[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
    along = inner.shape[0] // _PATCH_PX
    return inner.reshape(along, _PATCH_PX, along, _PATCH_PX).swapaxes(1, 2).reshape(along**2, -1)


@lru_cache(maxsize=4)
def _unpack(packed: bytes) -> MatLike:
    if packed[0] != _VERSION:
        raise ValueError(f"reliefs of version {packed[0]} cannot be compared")
    pairs = np.frombuffer(packed, np.uint8, offset=1)
    steps = np.column_stack([pairs >> 4, pairs & 15]).reshape(SIDE_PX, SIDE_PX)
    values = steps.astype(np.float32) - 8
    values.flags.writeable = False  # it is handed out again: one photo is compared with many
    return values
