"""How many corners two pictures have in the same places: the Jaccard index of the two sets, estimated by MinHash.

Comes in: two descriptors of `describe/minhash.py`. Goes out: 0..1. A picture without corners is like no other.
"""

from __future__ import annotations

import struct

import numpy as np

_HEADER = struct.Struct("<BH")


def score(a: bytes, b: bytes) -> float:
    """The share of equal hash values, 1 for equal sets. Raises ValueError where the versions differ."""
    (version, count), (other_version, other_count) = _HEADER.unpack_from(a), _HEADER.unpack_from(b)
    if version != other_version or len(a) != len(b):
        raise ValueError("hashes of corners of two versions cannot be compared")
    if not count or not other_count:
        return 0.0
    one, other = (np.frombuffer(packed, "<u4", offset=_HEADER.size) for packed in (a, b))
    return float(np.mean(one == other))
