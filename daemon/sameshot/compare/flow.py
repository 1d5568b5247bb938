"""Whether each part of one picture is found in the other where its neighbours say it should be.

Comes in: two reliefs, the first laid over the second as far as one map can do that. Goes out: how well the parts agree,
and where each went. One map cannot lay near and far things over each other at once when the camera moved; so every
patch may move by itself, but it is asked only at the place that the eight patches around it vote for, without its own
vote. Patches of one shot agree there, whatever the depth and the light; patches of two shots scatter. The rim takes no
part: publishers' frames are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

    _Numbers = NDArray[np.integer[Any] | np.floating[Any]]

PATCH_PX = 9
REACH_PX = 8
_LEAST_ENERGY = 1.0
_FEWEST_PATCHES = 6
_AGREEING_SHARE = 2 / 3
_NEARLY_ALL_SHARE = 0.8
_VOTERS_SHOWN = 3
"""Neighbours that must have relief before their vote is worth its correlation."""
_STRONG_ENERGY = 3.0
"""Relief that is no noise and no border of what is black or burnt: where both have it, they can be told apart."""
_UNLIKE_BELOW = 0.5
_AROUND = [(y, x) for y in range(3) for x in range(3)]


@dataclass(frozen=True, slots=True)
class Flow:
    """`agreement`: what two in three patches reach in correlation at least, -1..1; 0 where too few have relief.

    `most`: what four in five reach: a subject that changed is less than a third of many pictures.
    `steady`: 1 less the share of all patches that both pictures show with strong relief and that are unlike: light that
    differs makes patches faint, another subject makes them differ where both are strong.
    `moves`: float32 (n, n, 2), how far each patch went, right and down, in px of the relief. `corner_px`: where the
    first patch begins.
    """

    agreement: float
    most: float
    steady: float
    moves: NDArray[np.float32]
    corner_px: int


def flow(one: MatLike, other: MatLike, covered: NDArray[np.bool_]) -> Flow:
    """Lets the patches of `one` look for their places in `other`. All (side, side), reliefs as float32.

    Patches that are flat in either picture, or not wholly covered by both, take no part.
    """
    side, window, area = len(one), 2 * REACH_PX + 1, PATCH_PX * PATCH_PX
    count = (side - 2 * REACH_PX) // PATCH_PX
    corner = (side - count * PATCH_PX) // 2
    starts = corner + PATCH_PX * np.arange(count)
    centres = starts + PATCH_PX // 2
    alike = np.empty((count, count, window, window), np.float32)
    for row, y in enumerate(starts):
        strip = other[y - REACH_PX : y + PATCH_PX + REACH_PX]
        for column, x in enumerate(starts):
            patch = one[y : y + PATCH_PX, x : x + PATCH_PX]
            alike[row, column] = cv2.matchTemplate(
                strip[:, x - REACH_PX : x + PATCH_PX + REACH_PX], patch, cv2.TM_CCORR
            )
    offsets = np.arange(-REACH_PX, REACH_PX + 1)
    places = centres[:, None] + offsets
    energy = _summed(one * one)[np.ix_(centres, centres)][..., None, None]
    energies = _summed(other * other)[places[:, None, :, None], places[None, :, None, :]]
    votes = _normal(_voted(alike), _voted(energy), _voted(energies), _VOTERS_SHOWN * area * _LEAST_ENERGY)
    down, right = np.divmod(votes.reshape(count, count, -1).argmax(-1), window)
    own = _normal(alike, energy, energies, area * _LEAST_ENERGY)
    own = np.pad(own, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-1)
    rows, columns = np.mgrid[0:count, 0:count]
    found = np.max([own[rows, columns, down + y, right + x] for y, x in _AROUND], axis=0)
    fainter = np.minimum(energy[..., 0, 0], energies[..., REACH_PX, REACH_PX]) / area
    inside = _summed(covered.astype(np.float32))[np.ix_(centres, centres)] > area - 0.5
    counts = inside & (fainter > _LEAST_ENERGY)
    reached = found[counts] if counts.sum() >= _FEWEST_PATCHES else np.zeros(1)
    agreement, most = (float(np.quantile(reached, 1 - share)) for share in (_AGREEING_SHARE, _NEARLY_ALL_SHARE))
    unlike = inside & (fainter > _STRONG_ENERGY) & (found < _UNLIKE_BELOW)
    moves = np.stack([right, down], -1).astype(np.float32) - REACH_PX
    return Flow(agreement, most, 1 - float(unlike.mean()), moves, corner)


def _summed(values: MatLike) -> MatLike:
    """The sum over a patch around each place."""
    return cv2.boxFilter(values, -1, (PATCH_PX, PATCH_PX), normalize=False, borderType=cv2.BORDER_CONSTANT)


def _voted(values: _Numbers) -> NDArray[np.float32]:
    """What the eight patches around each one hold together."""
    count = len(values)
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0), (0, 0)))
    return np.asarray(sum(padded[y : y + count, x : x + count] for y, x in _AROUND) - values, np.float32)


def _normal(alike: NDArray[np.float32], one: _Numbers, other: _Numbers, least: float) -> NDArray[np.float32]:
    return np.asarray(alike / np.sqrt(np.maximum(one, least) * np.maximum(other, least)), np.float32)
