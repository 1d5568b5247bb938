"""Whether one camera took both photos, as a measure of its own.

Comes in: two captures as `compare/captures.py` packs them. Goes out: 1 where both name the same camera; 0 where they
name two, or one names none.
"""

from __future__ import annotations

from sameshot.compare.captures import unpack


def score(a: bytes, b: bytes) -> float:
    """1 for one and the same camera, else 0."""
    first, second = unpack(a).camera, unpack(b).camera
    return float(first is not None and first == second)
