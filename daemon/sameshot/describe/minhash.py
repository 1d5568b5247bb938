"""Where a picture's corners are, as a MinHash (Broder, 1997) whose equal values estimate the overlap of two such sets.

Comes in: uint8 RGB pixels and the size they are read at. Goes out: a version byte, the number of places, and the hash
values (uint32). Corners are Harris' (1988), by OpenCV; places are cells of a grid, so that the same corner a pixel
aside is the same place. The hash is datasketch's; its major version is part of the version byte, since its values are
too.
"""

from __future__ import annotations

import functools
import struct
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from datasketch import MinHash

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LAYOUT = 1
_HEADER = struct.Struct("<BH")
_PERMUTATIONS = 128
_CELLS = 32
_LEAST_RESPONSE = 0.01
_FLAT = 1e-6
"""Responses below are rounding: a picture without a corner has no places."""


def describe(pixels: NDArray[np.uint8], width_px: int, height_px: int) -> bytes:
    """The packed hash of the places of corners. pixels: uint8 (h, w, 3), RGB."""
    small = cv2.resize(pixels, (width_px, height_px), interpolation=cv2.INTER_AREA)
    response = cv2.cornerHarris(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), blockSize=2, ksize=3, k=0.04)
    strongest = float(response.max())
    peaks = (response == cv2.dilate(response, np.ones((5, 5), np.uint8))) & (response > _LEAST_RESPONSE * strongest)
    rows, columns = np.nonzero(peaks) if strongest > _FLAT else (np.empty(0, np.intp), np.empty(0, np.intp))
    cells = np.unique(rows * _CELLS // height_px * _CELLS + columns * _CELLS // width_px)
    hashed = _empty().copy()
    hashed.update_batch([int(cell).to_bytes(2, "little") for cell in cells])
    return _HEADER.pack(_version(), len(cells)) + np.asarray(hashed.hashvalues).astype("<u4").tobytes()


@functools.cache
def _empty() -> Any:
    return MinHash(num_perm=_PERMUTATIONS, seed=1)


@functools.cache
def _version() -> int:
    return 16 * _LAYOUT + int(version("datasketch").partition(".")[0])
