"""Oriented corners with binary descriptors (Rublee et al., ORB, 2011), of the picture and of its mirror image.

Comes in: uint8 RGB pixels. Goes out: for each of the two, up to a fixed number of corners, packed as: version, count
of corners, width and height in px, then each corner's place (x, y in 1/16 px), then each corner's 32 bytes. Corners
are looked for where every place was set against its surroundings, so that a darker frame of a scene yields the same
ones.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

VERSION = 2
_CORNERS = 400
_MIRRORED_CORNERS = 100
_HEADER = struct.Struct("<BHHH")
_SURROUNDINGS_SHRINK = 8
_SMALLEST_PX = 63  # a corner keeps 31 px from every edge
_NOISE_FLOOR = 1.0
_CONTRAST = 48.0


def describe(pixels: NDArray[np.uint8]) -> bytes:
    """The corners of the picture, then those of its mirror image. pixels: uint8 (h, w, 3), RGB."""
    even = _against_surroundings(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    return _packed(even, _CORNERS) + _packed(np.ascontiguousarray(even[:, ::-1]), _MIRRORED_CORNERS)


def _against_surroundings(gray: MatLike) -> MatLike:
    """Luma less the mean around it, over the deviation around it, both taken at an eighth of the size."""
    height_px, width_px = gray.shape
    luma = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 0.8)
    small = (max(1, width_px // _SURROUNDINGS_SHRINK), max(1, height_px // _SURROUNDINGS_SHRINK))

    def around(values: MatLike) -> MatLike:
        return cv2.GaussianBlur(cv2.resize(values, small, interpolation=cv2.INTER_AREA), (0, 0), 2.0)

    mean = around(luma)
    deviation = np.sqrt(np.maximum(around(luma * luma) - mean * mean, 0)) + _NOISE_FLOOR
    size = (width_px, height_px)
    even = (luma - cv2.resize(mean, size)) * (_CONTRAST / cv2.resize(deviation, size))
    return np.asarray(np.clip(128 + even, 0, 255), np.uint8)


def _packed(gray: MatLike, most: int) -> bytes:
    height_px, width_px = gray.shape
    if min(gray.shape) < _SMALLEST_PX:
        return _HEADER.pack(VERSION, 0, width_px, height_px)
    detector = cv2.ORB.create(nfeatures=most, scaleFactor=1.2, nlevels=8, fastThreshold=7)
    keypoints, descriptors = detector.detectAndCompute(gray, None)
    if descriptors is None:
        return _HEADER.pack(VERSION, 0, width_px, height_px)
    # ORB gives a few corners more than asked for, in an order of its own.
    order = sorted(range(len(keypoints)), key=lambda i: (-keypoints[i].response, *keypoints[i].pt))[:most]
    places = np.array([keypoints[i].pt for i in order], np.float32)
    header = _HEADER.pack(VERSION, len(order), width_px, height_px)
    return bytes(header + (places * 16).round().astype("<u2").tobytes() + descriptors[order].tobytes())
