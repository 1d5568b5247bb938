"""How many corners of one picture are found again exactly where the flow of its parts says they must be.

Comes in: the corners of two pictures, a map between them, the flow that is left. Goes out: the share that is found
again, and in what share of the parts one is, each less what would be found at wrong places nearby. So it is its own
control: rows of text lie on rows of text and leaves on leaves at any place, the same letter and the same leaf at one.
Corners need not be clear matches, which few are when six stops of light lie between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sameshot.compare.flow import PATCH_PX, Flow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sameshot.compare.orb import Corners

_RADIUS = 0.014
"""Of the frame: what the flow does not know finer."""
_WRONG = 0.045
_FURTHEST_BITS = 64
_FEWEST_CORNERS = 20
_MOST_OF_A_PATCH = 3
"""Corners of one patch that count: a logo has many."""
_CORNERS_OF_A_PART = 2
"""A part with one corner that could be found says nothing when it is not."""
_FEWEST_PARTS = 8
"""A share of fewer parts is taken for one of so many."""


@dataclass(frozen=True, slots=True)
class Guided:
    """`share`: of the corners, those found at their place. `parts`: the same of the patches where both have corners.

    Both less what is found 0.045 frames beside the place; about 0 for strangers, 1 at most.
    """

    share: float
    parts: float


def guided(
    first: Corners, second: Corners, relative_map: NDArray[np.float64] | None, left: Flow, side_px: int
) -> Guided:
    """Looks for each corner of the first where the map and then the flow of its patch put it in the second."""
    if not len(first.places) or not len(second.places):
        return Guided(0.0, 0.0)
    places = first.relative()
    if relative_map is not None:
        homogeneous = np.column_stack([places, np.ones(len(places))]) @ relative_map.T
        places = homogeneous[:, :2] / homogeneous[:, 2:]
    patches = len(left.moves)
    at = np.clip((places * side_px - left.corner_px) // PATCH_PX, 0, patches - 1).astype(np.intp)
    places = places + left.moves[at[:, 1], at[:, 0]] / side_px
    there = np.flatnonzero(((places >= 0) & (places < 1)).all(1))
    places, cell = places[there], at[there] @ (1, patches)
    codes, targets = (each.descriptors.view(np.uint64) for each in (first, second))
    codes = codes[there]
    others = second.relative().astype(np.float32)
    places = places.astype(np.float32)
    right, down = (places[:, None, axis] - others[:, axis] for axis in (0, 1))
    mine, theirs = np.nonzero((np.abs(right) < _WRONG + _RADIUS) & (np.abs(down) < _WRONG + _RADIUS))
    of_both = _count(cell[np.unique(mine)], patches) >= _CORNERS_OF_A_PART
    alike = np.bitwise_count(codes[mine] ^ targets[theirs]).sum(1) <= _FURTHEST_BITS
    mine, theirs = mine[alike], theirs[alike]
    right, down = right[mine, theirs], down[mine, theirs]

    def found(aside: float, below: float) -> NDArray[np.intp]:
        """How many corners and how many parts."""
        near = (right + np.float32(aside)) ** 2 + (down + np.float32(below)) ** 2 < _RADIUS**2
        count = _count(cell[np.unique(mine[near])], patches)
        return np.array([np.minimum(count, _MOST_OF_A_PATCH).sum(), ((count > 0) & of_both).sum()])

    wrong = [found(_WRONG, 0), found(-_WRONG, 0), found(0, _WRONG), found(0, -_WRONG)]
    corners, parts = found(0, 0) - np.mean(wrong, axis=0)
    possible = int(np.minimum(_count(cell, patches), _MOST_OF_A_PATCH).sum())
    return Guided(
        float(corners) / max(_FEWEST_CORNERS, possible), float(parts) / max(_FEWEST_PARTS, int(of_both.sum()))
    )


def _count(cells: NDArray[np.intp], patches: int) -> NDArray[np.intp]:
    """How many are in each patch."""
    return np.bincount(cells, minlength=patches * patches)
