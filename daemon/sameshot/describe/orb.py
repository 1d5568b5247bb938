"""Oriented corners with binary descriptors (Rublee et al., ORB, 2011), of the picture and of its mirror image.

Comes in: uint8 RGB pixels. Goes out: for each of the two, up to a fixed number of corners, spread over the picture, packed
as: version, count of corners, width and height in px, then each corner's place (x, y in 1/16 px) and its 32 bytes.
Corners are found on luma whose local contrast was evened out, so that a darker frame of a scene yields the same ones.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

VERSION = 1
_CORNERS = 400
_MIRRORED_CORNERS = 150
_HEADER = struct.Struct("<BHHH")


def describe(pixels: NDArray[np.uint8]) -> bytes:
    """The corners of the picture, then those of its mirror image. pixels: uint8 (h, w, 3), RGB."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    even = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(8, 8)).apply(gray)
    return _packed(even, _CORNERS) + _packed(np.ascontiguousarray(even[:, ::-1]), _MIRRORED_CORNERS)


def _packed(gray: MatLike, most: int) -> bytes:
    detector = cv2.ORB.create(nfeatures=most, scaleFactor=1.2, nlevels=8, fastThreshold=7)
    keypoints, descriptors = detector.detectAndCompute(gray, None)
    height_px, width_px = gray.shape
    if descriptors is None:
        return _HEADER.pack(VERSION, 0, width_px, height_px)
    # ORB gives a few corners more or less than asked for, in no order that another machine would repeat.
    order = sorted(range(len(keypoints)), key=lambda i: (-keypoints[i].response, *keypoints[i].pt))[:most]
    places = np.array([keypoints[i].pt for i in order], np.float32)
    header = _HEADER.pack(VERSION, len(order), width_px, height_px)
    packed: bytes = header + (places * 16).round().astype("<u2").tobytes() + descriptors[order].tobytes()
    return packed
