"""How many of two pictures' corners match well, whether or not they agree on one map.

Comes in: two descriptors of `describe/orb.py`. Goes out: 0..1. What is clear and mutual is a good match;
`orb.agreement` is the geometric check beside it. A picture without corners is like no other.
"""

from __future__ import annotations

from sameshot.compare.orb import matches, unpack


def score(a: bytes, b: bytes) -> float:
    """Good matches among the corners of the picture that has fewer, 1 for identical sets of corners."""
    first, second = sorted((a, b))
    one, other = unpack(first)[0], unpack(second)[0]
    fewer = min(len(one.places), len(other.places))
    if fewer == 0:
        return 0.0
    if first == second:  # corners that resemble each other are no clear matches, not even of themselves
        return 1.0
    return len(matches(one.descriptors, other.descriptors)) / fewer
