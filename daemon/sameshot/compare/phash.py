"""How far apart two perceptual hashes are.

Comes in: two descriptors of `describe/phash.py`. Goes out: the share of bits that are equal, 0..1.
"""

from __future__ import annotations

_VERSION = 1


def likeness(first: bytes, second: bytes) -> float:
    """The share of equal bits, 0..1; about 0.5 for unrelated photos."""
    if first[0] != _VERSION or second[0] != _VERSION:
        raise ValueError("perceptual hashes of another version cannot be compared")
    differing = int.from_bytes(first[1:], "big") ^ int.from_bytes(second[1:], "big")
    return 1 - differing.bit_count() / 64
