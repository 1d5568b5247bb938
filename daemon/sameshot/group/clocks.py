"""How far the clocks of two cameras are apart, from photos of one shot that both took.

Comes in: for each matched pair the moments that the two cameras wrote. Goes out: the offset, how many occasions agree
on it, or that it is unknown. Clocks are set by hand and zones are forgotten, so an offset may be anything from seconds
to years; but it is one number for all occasions, while chance matches scatter. One occasion tells nothing, however many
frames it has: two bursts of one place on two days differ by that day, frame by frame. Refuses to guess: few occasions,
or occasions that do not agree, are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from sameshot.group.kinds import SERIES_GAP_S

FEWEST_OCCASIONS = 3
"""Two agree by chance where one round was gone twice at one pace; a third rules most of that out."""
AGREE_WITHIN_S = 10.0
"""Two people press within seconds of each other for one moment."""
_LEAST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """`offset_s`: what the second camera's clock shows more than the first's; None where it is unknown.

    `agreeing` of `pairs` are within ten seconds of it: occasions that both took, each counted once, be it one frame of
    each or two bursts.
    """

    offset_s: float | None
    agreeing: int
    pairs: int


def clock_offset(moments: Iterable[tuple[datetime, datetime]]) -> ClockOffset:
    """Estimates the offset from the moments of matched pairs, first camera's before second's; their order is nothing.

    It is the median of the occasions' differences, of those in the ten seconds around which most of them lie: more than
    half.
    """
    apart_s = sorted(_occasions(moments))
    best: list[float] = []
    start = 0
    for end, value in enumerate(apart_s):
        while value - apart_s[start] > AGREE_WITHIN_S:
            start += 1
        if end + 1 - start > len(best):
            best = apart_s[start : end + 1]
    known = len(best) >= FEWEST_OCCASIONS and len(best) > _LEAST_SHARE * len(apart_s)
    return ClockOffset(median(best) if known else None, len(best), len(apart_s))


def _occasions(moments: Iterable[tuple[datetime, datetime]]) -> list[float]:
    """The difference in seconds of each occasion: the median of its pairs.

    A pair is of an occasion whose earliest pair lies no further from it than frames of one series do, by both clocks.
    """
    occasions: list[tuple[datetime, datetime, list[float]]] = []
    going_on = 0
    for first, second in sorted(moments):
        while going_on < len(occasions) and _apart_s(first, occasions[going_on][0]) > SERIES_GAP_S:
            going_on += 1
        near = (of_one for at, seen, of_one in occasions[going_on:] if _apart_s(second, seen) <= SERIES_GAP_S)
        differences_s = next(near, None)
        if differences_s is None:
            differences_s = []
            occasions.append((first, second, differences_s))
        differences_s.append((second - first).total_seconds())
    return [median(differences_s) for _, _, differences_s in occasions]


def _apart_s(one: datetime, other: datetime) -> float:
    return abs((one - other).total_seconds())
