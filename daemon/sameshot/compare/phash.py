"""How far apart two perceptual hashes are.

Comes in: two descriptors of `describe/phash.py`, and by which quarters the first picture is turned. Goes out: the
share of bits that are equal, 0..1. A turned picture needs no hash of its own: its frequencies are the same ones across
instead of down, and where it is mirrored the odd ones change their sign. (The median, which stands in the place of
zero, is taken to stay.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VERSION = 1
_SIDE = 8


def likeness(first: bytes, second: bytes, turn: NDArray[np.float64] | None = None) -> float:
    """The share of equal bits, 0..1; about 0.5 for unrelated photos.

    `turn`: the map of `relief.turn`, that takes the first picture's places to the second's; None as they are.
    """
    if first[0] != _VERSION or second[0] != _VERSION:
        raise ValueError("perceptual hashes of another version cannot be compared")
    if turn is not None:
        first = bytes([_VERSION]) + _turned(first[1:], turn)
    differing = int.from_bytes(first[1:], "big") ^ int.from_bytes(second[1:], "big")
    return 1 - differing.bit_count() / _SIDE**2


def _turned(packed: bytes, turn: NDArray[np.float64]) -> bytes:
    """The hash of the picture that is turned so. A row holds what changes across, a column what changes down."""
    bits = np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(_SIDE, _SIDE)
    is_across = abs(turn[0, 1]) > abs(turn[0, 0])
    if is_across:
        bits = bits.T
    odd = np.arange(_SIDE) % 2 == 1
    if turn[0, int(is_across)] < 0:
        bits = np.where(odd, 1 - bits, bits)
    if turn[1, int(not is_across)] < 0:
        bits = np.where(odd[:, None], 1 - bits, bits)
    return np.packbits(bits).tobytes()
