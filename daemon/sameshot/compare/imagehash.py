"""How alike two pictures are to the ImageHash package.

Comes in: two descriptors of `describe/imagehash.py`, or of `describe/phash.py`, whose layout is the same. Goes out:
0..1. With several hashes on either side, each segment of the picture that has fewer looks for its like in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VERSION = 1


def score(a: bytes, b: bytes) -> float:
    """The share of equal bits, about 0.5 for unrelated photos. Raises ValueError where the versions differ."""
    one, other = _unpack(a), _unpack(b)
    likeness = 1 - np.count_nonzero(one[:, None, :] != other[None, :, :], axis=2) / 64
    if len(one) == len(other):
        return float(max(likeness.max(axis=1).mean(), likeness.max(axis=0).mean()))
    return float(likeness.max(axis=1 if len(one) < len(other) else 0).mean())


def _unpack(packed: bytes) -> NDArray[np.uint8]:
    """The bits of each hash, (hashes, 64)."""
    if packed[0] != _VERSION or len(packed) < 9:
        raise ValueError("perceptual hashes of another version cannot be compared")
    return np.unpackbits(np.frombuffer(packed, np.uint8, offset=1)).reshape(-1, 64)
