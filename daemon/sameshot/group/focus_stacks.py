"""Focus stacks: frames of one exposure and one framing, through which the focus moves one way.

Comes in: one camera's frames in order, what is known of pairs, and where each picture is sharp (`describe/focus.py`).
Goes out: the stretches that are such stacks. Where the camera wrote the focus distance, that decides. Few do; else the
pictures: every place is sharpest in one frame and softer the further from it, the first and the last frame are each
clearly sharper than the other somewhere, and no place grows lighter or darker. In a burst places keep their sharpness,
shaken frames are softer everywhere, and what flies through takes its light along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sameshot.group.frames import Frame, Pair, best_pair, pause_s, settings, stretches

FOCUS_FEWEST, FOCUS_PAUSE_S = 3, 10.0
_VERSION, _TILES = 1, 144
_DOUBLING = 16
"""Steps of detail, as `describe/focus.py` packs them."""
_MOVED, _TRADED, _UNSURE = _DOUBLING, _DOUBLING // 2, _DOUBLING // 4
_STILL = 12
"""Of 255 steps of light: what a lens that breathes moves across a tile's rim."""
_MOST_MOVED, _MOST_ONE_WAY, _MOST_STILL, _SOME_TRADED = 0.5, 0.75, 0.5, 0.1

Focus = Callable[[int], bytes | None]
"""Where a content's picture is sharp, as packed; None where it was never looked at for that."""


def focus_stacks(frames: Sequence[Frame], pair: Pair, threshold: float, focus: Focus) -> Iterator[list[Frame]]:
    """Yields the focus stacks. `threshold`: the score from which two contents are the same shot."""

    def one_exposure(earlier: Frame, later: Frame) -> bool:
        return pause_s(earlier, later) <= FOCUS_PAUSE_S and settings(earlier.capture) == settings(later.capture)

    def same_shot(earlier: Frame, later: Frame) -> bool:
        link = best_pair(earlier, later, pair)
        return link is not None and link.score >= threshold

    for stretch in stretches(frames, one_exposure):
        distances = [frame.capture.focus_distance_m for frame in stretch]
        if None not in distances:
            if len(stretch) >= FOCUS_FEWEST and _moves_one_way([distance or 0.0 for distance in distances]):
                yield stretch
            continue
        for linked in stretches(stretch, same_shot):
            maps = [focus(frame.contents[0]) for frame in linked] if len(linked) >= FOCUS_FEWEST else []
            if maps and _sharpness_moves_one_way(maps):
                yield linked


def _moves_one_way(distances: Sequence[float]) -> bool:
    return {(b > a) - (b < a) for a, b in pairwise(distances)} in ({1}, {-1})


def _sharpness_moves_one_way(maps: Sequence[bytes | None]) -> bool:
    """Whether the pictures are of a stack, each told by its packed tiles."""
    tiles = [_unpacked(packed) for packed in maps]
    if any(tile is None for tile in tiles):
        return False
    detail, light = np.stack([tile for tile in tiles if tile is not None], axis=1)
    most, least = detail.max(axis=0), detail.min(axis=0)
    textured = most >= np.median(most)
    moved = textured & (most - least >= _MOVED)
    if moved.sum() < _MOST_MOVED * textured.sum():
        return False
    one_way = [_has_one_peak(detail[:, tile]) for tile in np.flatnonzero(moved)]
    still = np.ptp(light, axis=0)[moved] <= _STILL
    first_traded = np.mean(detail[0, moved] - detail[-1, moved] >= _TRADED)
    last_traded = np.mean(detail[-1, moved] - detail[0, moved] >= _TRADED)
    return bool(
        np.mean(one_way) >= _MOST_ONE_WAY
        and np.mean(still) >= _MOST_STILL
        and min(first_traded, last_traded) >= _SOME_TRADED
    )


def _has_one_peak(detail: NDArray[np.int64]) -> bool:
    """Whether it rises to its largest value and falls from there, but for what a sensor's noise moves it."""
    peak, steps = int(detail.argmax()), np.diff(detail)
    return bool((steps[:peak] > -_UNSURE).all() and (steps[peak:] < _UNSURE).all())


def _unpacked(packed: bytes | None) -> NDArray[np.int64] | None:
    """int64 (2, tiles): detail and light; None where they were packed in another way."""
    if packed is None or len(packed) != 1 + 2 * _TILES or packed[0] != _VERSION:
        return None
    return np.frombuffer(packed, np.uint8, offset=1).reshape(2, _TILES).astype(np.int64)
