"""Panoramas and time-lapses: frames that belong together though the first and last may share nothing.

Comes in: one camera's frames in order and what is known of pairs. Goes out: the stretches that are such sets.

* Panorama: each frame overlaps the one before, and the shifts between them add up along one direction to at least half
  a frame; a burst trembles about one place.
* Time-lapse: many frames at one interval, each the same shot as the one before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from sameshot.group.frames import Frame, Pair, best_pair, pause_s, stretches

PANORAMA_FEWEST, PANORAMA_PAUSE_S = 3, 5.0
PANORAMA_DRIFT = 0.5
"""In frame widths; sweeps measured 0.56 to 2.83, bursts 0.01."""
_STRAIGHT = 0.8
"""Way made good over way gone."""
_OVERLAP_INLIERS, _OVERLAY_BEARS_OUT = 12, 0.8
"""Two frames overlap where so many corners agree; or fewer, where light and shade, laid over each other by them, agree
so well (evidence `overlay`, -1..1): few corners can agree on a narrow overlap. Both are stored with every shift, below
the link threshold too, and whatever the stage at which the score was clear; flow and guided corners are known of half
of those pairs only. Measured on pairs that fewer corners agree on: of 27 of sweeps with the right shift 18 have 0.84 or
more, of 4 with a wrong one none has more than 0.63; of 33 of strangers (of 3372 that were compared: look-alikes drawn,
542 real photos) one has 0.77, people before one backdrop, and none else more than 0.65."""
_STEP = 0.05
"""Shifts below this are a hand's tremble: they have no direction."""

LAPSE_FEWEST, LAPSE_SHORTEST_S, LAPSE_LONGEST_S = 10, 1.8, 120.0
_WHOLE_SECONDS_OFF_S = 1.0
_OFF = 0.1


def panoramas(frames: Sequence[Frame], pair: Pair) -> Iterator[list[Frame]]:
    """Yields the panoramas."""
    stretch: list[Frame] = []
    way = [0.0, 0.0]
    gone = 0.0
    for frame in frames:
        step = _shift(stretch[-1], frame, pair) if stretch else None
        if step is None or _turns(way, step):
            if _is_panorama(stretch, way, gone):
                yield stretch
            # The frame on which a sweep turns belongs to the one that it ends.
            stretch, way, gone = [], [0.0, 0.0], 0.0
        else:
            way = [way[0] + step[0], way[1] + step[1]]
            gone += math.hypot(*step)
        stretch.append(frame)
    if _is_panorama(stretch, way, gone):
        yield stretch


def may_overlap(earlier: Frame, later: Frame) -> bool:
    """Whether two frames that follow each other may be of one panorama, by what the camera wrote."""
    same_lens = earlier.capture.focal_length_mm == later.capture.focal_length_mm
    return same_lens and pause_s(earlier, later) <= PANORAMA_PAUSE_S


def _shift(earlier: Frame, later: Frame, pair: Pair) -> tuple[float, float] | None:
    """How far the scene moved in the frame, in frame widths and heights; None where two frames do not overlap."""
    if not may_overlap(earlier, later):
        return None
    link = best_pair(earlier, later, pair)
    if link is None or "shift_x" not in link.evidence:
        return None
    by_corners = link.evidence.get("inliers", 0.0) >= _OVERLAP_INLIERS
    if not by_corners and link.evidence.get("overlay", 0.0) < _OVERLAY_BEARS_OUT:
        return None
    return link.evidence["shift_x"], link.evidence["shift_y"]


def _turns(way: Sequence[float], step: Sequence[float]) -> bool:
    length, gone = math.hypot(*step), math.hypot(*way)
    if min(length, gone) < _STEP:
        return False
    return (way[0] * step[0] + way[1] * step[1]) / (length * gone) < _STRAIGHT


def _is_panorama(frames: Sequence[Frame], way: Sequence[float], gone: float) -> bool:
    made_good = math.hypot(*way)
    return len(frames) >= PANORAMA_FEWEST and made_good >= PANORAMA_DRIFT and made_good >= _STRAIGHT * gone


def time_lapses(frames: Sequence[Frame], pair: Pair, threshold: float) -> Iterator[list[Frame]]:
    """Yields the time-lapses. `threshold`: the score from which two contents are the same shot."""

    def goes_on(earlier: Frame, later: Frame) -> bool:
        if not LAPSE_SHORTEST_S <= (later.taken_at - earlier.taken_at).total_seconds() <= LAPSE_LONGEST_S:
            return False
        link = best_pair(earlier, later, pair)
        return link is not None and link.score >= threshold

    for linked in stretches(frames, goes_on):
        yield from (stretch for stretch in _regular(linked) if _keeps_time(stretch))


def _regular(frames: Sequence[Frame]) -> Iterator[list[Frame]]:
    """Cuts where the interval changes."""
    stretch: list[Frame] = []
    for frame in frames:
        if len(stretch) >= 2:
            interval_s = (stretch[1].taken_at - stretch[0].taken_at).total_seconds()
            off_s = abs((frame.taken_at - stretch[-1].taken_at).total_seconds() - interval_s)
            if off_s > 2 * _tolerance_s(interval_s, (*stretch[:2], frame)):
                yield stretch
                stretch = stretch[-1:]
        stretch.append(frame)
    yield stretch


def _keeps_time(frames: Sequence[Frame]) -> bool:
    """Whether no frame is off the beat that the first and the last set: a person's hand soon is."""
    if len(frames) < LAPSE_FEWEST:
        return False
    start = frames[0].taken_at
    interval_s = (frames[-1].taken_at - start).total_seconds() / (len(frames) - 1)
    most_s = _tolerance_s(interval_s, frames)
    return all(
        abs((frame.taken_at - start).total_seconds() - beat * interval_s) <= most_s for beat, frame in enumerate(frames)
    )


def _tolerance_s(interval_s: float, frames: Sequence[Frame]) -> float:
    """A clock that writes whole seconds is off by up to one of them."""
    whole = all(frame.taken_at.microsecond == 0 for frame in frames)
    return max(_OFF * interval_s, _WHOLE_SECONDS_OFF_S if whole else 0.0)
