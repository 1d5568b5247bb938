"""Do two photos show one scene from nearly one place? Corners that agree on a single projective map say so.

Comes in: two descriptors of `describe/orb.py`. Goes out: how many corners agree, how large a share of the corners
that could agree that is, how much of the frame they span, and the map. Matches are mutual nearest neighbours that
pass the ratio test (Lowe, 2004); the map is found by MAGSAC++ (Barath et al., 2020), whose own random numbers are
seeded. Each picture is also matched with the other's mirror image. Refuses maps that no camera makes: folded,
collapsed or torn ones.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

_HEADER = struct.Struct("<BHHH")
_VERSION = 2
_RATIO = 0.85
_FURTHEST_BITS = 72
_FEWEST_MATCHES = 6
_TOLERANCE_PX = 4.0
_LARGEST_ZOOM = 6.0


@dataclass(frozen=True, slots=True)
class Corners:
    """One picture's corners: places float32 (n, 2) in px, descriptors uint8 (n, 32)."""

    width_px: int
    height_px: int
    places: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def pixels(self) -> NDArray[np.float64]:
        """The map from places relative to the frame to px, whose middles are whole numbers."""
        return np.array([[self.width_px, 0, -0.5], [0, self.height_px, -0.5], [0, 0, 1]])

    def relative(self) -> NDArray[np.float64]:
        """The places relative to the frame, (n, 2)."""
        return (self.places + 0.5) / (self.width_px, self.height_px)

    def flipped(self) -> Corners:
        """The same corners in the mirror image of their frame."""
        places = np.array([self.width_px - 1, 0], np.float32) + self.places * np.array([-1, 1], np.float32)
        return Corners(self.width_px, self.height_px, places, self.descriptors)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two pictures' corners agree on. `map` takes the first's places to the second's, relative to each frame.

    inliers: matches that obey the map. share: inliers among the corners of the common part, 0..1. spread: the part of
    the frame that the inliers span, in the picture where that is less, 0..1. mirrored: whether the second had to be
    flipped.
    """

    inliers: int
    share: float
    spread: float
    mirrored: bool
    map: NDArray[np.float64] | None


NO_AGREEMENT = Agreement(0, 0.0, 0.0, False, None)


def agreement(first: bytes, second: bytes) -> Agreement:
    """The best agreement of two packed ORB descriptors, as they are or with either one mirrored."""
    first_plain, _ = unpack(first)
    second_plain, second_mirrored = unpack(second)
    upright = _agree(first_plain, second_plain, mirrored=False)
    if upright.inliers >= 20:
        return upright
    flipped = _agree(first_plain, second_mirrored, mirrored=True)
    return max(upright, flipped, key=lambda found: (found.inliers, not found.mirrored))


def shift(found: Agreement) -> tuple[float, float] | None:
    """How far the first picture's scene moved to be the second's, in frame widths and heights; None where unknown.

    Half the way from where the first's middle went to where the second's middle came from: the same, with the other
    sign, for the pair in the other order.
    """
    if found.map is None or found.mirrored:
        return None
    there = found.map @ (0.5, 0.5, 1.0)
    back = np.linalg.inv(found.map) @ (0.5, 0.5, 1.0)
    moved = (there[:2] / there[2] - back[:2] / back[2]) / 2
    return (float(moved[0]), float(moved[1])) if np.isfinite(moved).all() else None


def unpack(packed: bytes) -> tuple[Corners, Corners]:
    """The corners of a picture and those of its mirror image. Raises ValueError on another version."""
    plain, rest = _unpack_one(packed)
    mirrored, _ = _unpack_one(rest)
    return plain, mirrored


def _unpack_one(packed: bytes) -> tuple[Corners, bytes]:
    version, count, width_px, height_px = _HEADER.unpack_from(packed)
    if version != _VERSION:
        raise ValueError(f"ORB descriptors of version {version} cannot be compared")
    places_end = _HEADER.size + 4 * count
    places = np.frombuffer(packed, "<u2", 2 * count, _HEADER.size).reshape(count, 2).astype(np.float32) / np.float32(16)
    descriptors = np.frombuffer(packed, np.uint8, 32 * count, places_end).reshape(count, 32)
    return Corners(width_px, height_px, places, descriptors), packed[places_end + 32 * count :]


def _agree(first: Corners, second: Corners, *, mirrored: bool) -> Agreement:
    pairs = matches(first.descriptors, second.descriptors)
    if len(pairs) < _FEWEST_MATCHES:
        return NO_AGREEMENT
    source, target = first.places[pairs[:, 0]], second.places[pairs[:, 1]]
    found, mask = cv2.findHomography(source, target, cv2.USAC_MAGSAC, _TOLERANCE_PX, maxIters=1000, confidence=0.999)
    if found is None:
        return NO_AGREEMENT
    keep = mask.ravel().astype(bool)
    if keep.sum() < 4 or not _plausible(found, first):
        return NO_AGREEMENT
    there = _within(first.places, found, second)
    back = _within(second.places, np.linalg.inv(found), first)
    inliers = int(keep.sum())
    spread = min(_hull_share(source[keep], first), _hull_share(target[keep], second))
    common = max(min(int(there.sum()), int(back.sum())), inliers)
    relative = np.asarray(np.linalg.inv(second.pixels()) @ found @ first.pixels(), np.float64)
    if mirrored:
        relative = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) @ relative
    return Agreement(inliers, inliers / common, spread, mirrored, relative)


def matches(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Mutual nearest neighbours that are clearly nearer than the second nearest, seen from either side. (m, 2)."""
    if len(first) < 2 or len(second) < 2:
        return np.empty((0, 2), np.intp)
    to_second, forth_bits = _two_nearest(first, second)
    near = (forth_bits[:, 0] <= _FURTHEST_BITS) & (forth_bits[:, 0] < _RATIO * forth_bits[:, 1])
    candidates = np.flatnonzero(near)
    if not len(candidates):
        return np.empty((0, 2), np.intp)
    partner = to_second[candidates]
    to_first, back_bits = _two_nearest(second[partner], first)  # only these: strangers have few
    clear = (to_first == candidates) & (forth_bits[candidates, 0] < _RATIO * back_bits[:, 1])
    return np.column_stack([candidates[clear], partner[clear]])


def _two_nearest(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> tuple[MatLike, MatLike]:
    """For each source: which target is nearest (n,), and how many bits it and the runner-up are away (n, 2)."""
    bits, indices = cv2.batchDistance(source, target, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=2)
    return indices[:, 0], bits


def _plausible(found: MatLike, first: Corners) -> bool:
    """Whether a camera that moved a little, turned or zoomed could have made this map."""
    frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64) * [first.width_px, first.height_px]
    homogeneous = np.column_stack([frame, np.ones(4)]) @ found.T
    if homogeneous[:, 2].min() * homogeneous[:, 2].max() <= 0:
        return False  # the horizon runs through the picture
    corners = homogeneous[:, :2] / homogeneous[:, 2:]
    edges = np.roll(corners, -1, axis=0) - corners
    turns = edges[:, 0] * np.roll(edges, -1, axis=0)[:, 1] - edges[:, 1] * np.roll(edges, -1, axis=0)[:, 0]
    if turns.min() <= 0:
        return False  # folded or mirrored
    sides = np.linalg.norm(edges, axis=1) / np.linalg.norm(np.roll(frame, -1, axis=0) - frame, axis=1)
    if sides.max() > 3 * sides.min():
        return False  # torn
    return bool(sides.min() * _LARGEST_ZOOM > 1 and sides.max() < _LARGEST_ZOOM)


def _within(places: NDArray[np.float32], found: MatLike, other: Corners) -> NDArray[np.bool_]:
    homogeneous = np.column_stack([places, np.ones(len(places))]) @ found.T
    there = homogeneous[:, :2] / homogeneous[:, 2:]
    inside = (there >= 0) & (there < [other.width_px, other.height_px])
    return np.asarray(inside.all(axis=1), np.bool_)


def _hull_share(places: NDArray[np.float32], frame: Corners) -> float:
    return float(cv2.contourArea(cv2.convexHull(places))) / (frame.width_px * frame.height_px)
