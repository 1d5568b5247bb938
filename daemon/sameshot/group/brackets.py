"""Exposure brackets: frames whose exposures make a ladder.

Comes in: one camera's frames in order. Goes out: the stretches that are brackets. Frames four stops apart may share
hardly a bit of any hash, so what the camera wrote decides: at least three frames within seconds, evenly spaced
exposures EV = log2(N^2/t) - log2(ISO/100), aperture and focal length kept. Automatic exposure of different scenes can
make a ladder by chance; there the pictures come out equally bright. So either the camera says that it deviated on
purpose (its exposure bias follows the ladder), or the pictures grow brighter as the exposure does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from sameshot.group.frames import Frame, pause_s, stretches

FEWEST_FRAMES = 3
MOST_FRAMES = 15
"""More than any camera brackets by itself."""
LONGEST_PAUSE_S = 5.0
SMALLEST_STEP_EV = 0.3
"""A third of a stop is the finest step there is."""
_UNEVEN_EV = 0.2
"""Exposures are written rounded: 1/15 s and 1/8 s are a stop apart, and 0.91 by these numbers."""
_BIAS_OFF_EV = 0.35
_GAMMA = 2.2
_LEAST_LIGHT = 0.5
"""Share of the brightness that the exposure asks for: highlights clip and shadows are lifted."""
_UNEVEN_LIGHT = 0.01


def brackets(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Returns the brackets, no frame in two of them: the longest first, of one length the earliest first."""
    found = []
    for stretch in stretches(frames, lambda earlier, later: pause_s(earlier, later) <= LONGEST_PAUSE_S):
        free = [True] * len(stretch)
        for length in range(min(MOST_FRAMES, len(stretch)), FEWEST_FRAMES - 1, -1):
            for start in range(len(stretch) - length + 1):
                window = slice(start, start + length)
                if all(free[window]) and is_bracket(stretch[window]):
                    free[window] = [False] * length
                    found.append(stretch[window])
    return found


def is_bracket(frames: Sequence[Frame]) -> bool:
    """Whether these frames, all of them, make one ladder."""
    known = [(ev, frame) for frame in frames if (ev := frame.exposure_ev) is not None]
    kept = {(frame.capture.f_number, frame.capture.focal_length_mm) for frame in frames}
    if len(known) < max(len(frames), FEWEST_FRAMES) or len(kept) > 1:
        return False
    known.sort(key=lambda one: -one[0])
    steps = [darker - brighter for (darker, _), (brighter, _) in pairwise(known)]
    step = sum(steps) / len(steps)
    if step < SMALLEST_STEP_EV or any(abs(one - step) > min(_UNEVEN_EV, step / 3) for one in steps):
        return False
    return _was_meant(known) or _light_follows(known)


def _was_meant(known: Sequence[tuple[float, Frame]]) -> bool:
    """Whether the bias that the camera wrote follows the ladder."""
    sums = [ev + frame.capture.exposure_bias_ev for ev, frame in known if frame.capture.exposure_bias_ev is not None]
    return len(sums) == len(known) and max(sums) - min(sums) <= _BIAS_OFF_EV


def _light_follows(known: Sequence[tuple[float, Frame]]) -> bool:
    """Whether the pictures grow brighter with the exposure, from the darkest to the brightest."""
    light = [frame.brightness for _, frame in known]
    if any(later < earlier - _UNEVEN_LIGHT for earlier, later in pairwise(light)):
        return False
    asked = (known[0][0] - known[-1][0]) / _GAMMA
    return math.log2(max(light[-1], 1e-3) / max(light[0], 1e-3)) >= _LEAST_LIGHT * asked
