"""What people do to photos, done here to measure whether it would be seen: positives whose truth is known.

Comes in: uint8 RGB pixels. Goes out: the same shot after one change. Every change is fixed, so that a calibration can
be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _resized(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    half = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.uint8)


def _cropped(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    top, left = (max(1, side // 14) if side > 4 else 0 for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left])


def _brighter(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    lookup = np.clip(255 * np.minimum(2 * (np.arange(256) / 255) ** 2.2, 1) ** (1 / 2.2), 0, 255).astype(np.uint8)
    return lookup[pixels]


def _turned(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height_px, width_px = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width_px / 2, height_px / 2), 3.0, 1.06)
    return np.asarray(cv2.warpAffine(pixels, turn, (width_px, height_px), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _compressed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 35])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


CHANGES: Mapping[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "resized": _resized,
    "cropped": _cropped,
    "brighter": _brighter,
    "turned": _turned,
    "compressed": _compressed,
}
