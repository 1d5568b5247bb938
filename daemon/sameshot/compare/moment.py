"""How much the moments at which two photos were taken speak for one shot.

Comes in: two captures. Goes out: 1 for the same camera at the same moment, falling with the logarithm of the time
between to 0 at ten minutes; 0 too where a time is unknown or the cameras differ, so that silence says nothing. Times
far apart say nothing either: an edit keeps the time of its original, or gets that of its export.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sameshot.compare.captures import unpack

if TYPE_CHECKING:
    from sameshot.model import Capture

_FAR_S = 600.0


def is_later(first: Capture, second: Capture) -> bool:
    """Whether the first is known to be taken after the second."""
    if first.taken_at is None or second.taken_at is None:
        return False
    return first.taken_at > second.taken_at


def nearness(first: Capture, second: Capture) -> float:
    """0..1: how near in time one camera took both photos; 0 where that is not known."""
    if first.taken_at is None or second.taken_at is None:
        return 0.0
    if first.camera is None or first.camera != second.camera:
        return 0.0
    apart_s = abs((first.taken_at - second.taken_at).total_seconds())
    return max(0.0, 1 - math.log1p(apart_s) / math.log1p(_FAR_S))


def score(a: bytes, b: bytes) -> float:
    """The nearness of two captures as `compare/captures.py` packs them, for who wants it as a measure of its own."""
    return nearness(unpack(a), unpack(b))
