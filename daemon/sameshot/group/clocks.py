"""How far the clocks of two cameras are apart, from photos of one shot that both took.

Comes in: for each matched pair the moments that the two cameras wrote. Goes out: the offset, how many pairs agree on
it, or that it is unknown. Clocks are set by hand and zones are forgotten, so an offset may be anything from seconds to
years; but it is one number for all pairs, while chance matches scatter. Refuses to guess: few pairs, or pairs that do
not agree, are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

FEWEST_PAIRS = 3
AGREE_WITHIN_S = 10.0
"""Two people press within seconds of each other for one moment."""
_LEAST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """`offset_s`: what the second camera's clock shows more than the first's; None where it is unknown.

    `agreeing` of `pairs` are within ten seconds of it.
    """

    offset_s: float | None
    agreeing: int
    pairs: int


def clock_offset(moments: Iterable[tuple[datetime, datetime]]) -> ClockOffset:
    """Estimates the offset from the moments of matched pairs, first camera's before second's; their order is nothing.

    It is the median of the differences, of those in the ten seconds around which most of them lie: more than half.
    """
    apart_s = sorted((second - first).total_seconds() for first, second in moments)
    best: list[float] = []
    start = 0
    for end, value in enumerate(apart_s):
        while value - apart_s[start] > AGREE_WITHIN_S:
            start += 1
        if end + 1 - start > len(best):
            best = apart_s[start : end + 1]
    known = len(best) >= FEWEST_PAIRS and len(best) > _LEAST_SHARE * len(apart_s)
    return ClockOffset(median(best) if known else None, len(best), len(apart_s))
