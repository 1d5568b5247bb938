"""The score from which two photos are of one shot, and who said so.

Comes in: the config with its sources, what the store keeps of a calibration, and what was learned from the owner's
words. Goes out: a `Threshold`. The config file wins, then the calibration, then the default of the pair score. A
threshold that is a probability is moved by what was learned; one that somebody chose is not. Refuses a single measure
without a threshold: what its scores mean, nobody but the owner can say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sameshot.compare.thresholds import LINK_THRESHOLD
from sameshot.config import LoadedConfig
from sameshot.errors import BadInput
from sameshot.learn.sameness import shifted_threshold
from sameshot.way.learned import Lesson
from sameshot.way.method import method_of
from sameshot.wording import counted

CALIBRATION = "calibration"
"""The key in the store: {"method", "threshold", "on", "points": [[threshold, expected precision], ...]}."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """`source`: FILE:LINE, `calibrated on DATE`, `default`, or one of them with from how many words it was learned."""

    value: float
    source: str


def threshold_of(loaded: LoadedConfig, calibration: dict[str, Any] | None, lesson: Lesson | None = None) -> Threshold:
    """Returns the threshold in force. Raises BadInput where none can be known."""

    def learned(shipped: float, source: str) -> Threshold:
        if lesson is None or lesson.of != method.id:
            return Threshold(shipped, source)
        value = round(shifted_threshold(shipped, lesson.values["shift"]), 4)
        return Threshold(value, f"{source} {shipped:g}, learned from {counted(lesson.words, 'word')} of yours")

    wanted = loaded.config.same_shot
    if wanted.threshold is not None:
        return Threshold(wanted.threshold, loaded.sources["same_shot.threshold"])
    method = method_of(loaded.config)
    known = calibration if calibration is not None and calibration["method"] == method.id else None
    if wanted.precision is not None:
        source = loaded.sources["same_shot.precision"]
        if known is not None:
            return Threshold(reaching(known["points"], wanted.precision), f"{source}, calibrated on {known['on']}")
        if method.measure is None:  # it is a probability: pairs above it are right at least that often
            return learned(wanted.precision, source)
    elif known is not None:
        return Threshold(known["threshold"], f"calibrated on {known['on']}")
    elif method.measure is None:
        return learned(LINK_THRESHOLD, "default")
    raise BadInput(
        f"same_shot.threshold is missing: same_shot.method is {wanted.method}, and its scores mean what you say",
        "Write a threshold from 0 to 1 into the config, or run `sameshot calibrate`",
    )


def reaching(points: Sequence[Sequence[float]], precision: float) -> float:
    """Returns the lowest threshold of `points` (threshold, expected precision) that promises `precision`.

    Raises BadInput when none does.
    """
    promising = [threshold for threshold, expected in points if expected >= precision]
    if not promising:
        best = max((expected for _, expected in points), default=0.0)
        raise BadInput(
            f"No threshold promises a precision of {precision:g}; the most is {best:.4f}",
            "Ask for less, or calibrate with a larger sample",
        )
    return min(promising)
