"""The score from which two photos are of one shot, and who said so.

Comes in: the config with its sources, what the store keeps of a calibration, and what was learned from the owner's
words. Goes out: a `Threshold`. The config file wins, then the calibration, then the default of the pair score. A
threshold that is a probability is moved by what was learned; one that somebody chose is not. Where the config asks for
a precision that the calibration cannot promise, what served before goes on serving, and the log says so once. Refuses a
single measure without a threshold: what its scores mean, nobody but the owner can say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sameshot.compare.thresholds import LINK_THRESHOLD
from sameshot.config import LoadedConfig
from sameshot.errors import BadInput
from sameshot.learn.sameness import shifted_threshold
from sameshot.way.learned import Lesson
from sameshot.way.method import method_of
from sameshot.wording import counted

CALIBRATION = "calibration"
"""The key in the store: {"method", "threshold", "on", "points": [[threshold, expected precision], ...]}, or None."""
_ASK_FOR_LESS = "ask for less, or calibrate with a larger sample"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Threshold:
    """`source`: FILE:LINE, `calibrated on DATE`, `default`, or one of them with from how many words it was learned.

    `note`: why it is not what the config asks for, a sentence without its stop; empty where it is.
    """

    value: float
    source: str
    note: str = ""


def threshold_of(loaded: LoadedConfig, calibration: dict[str, Any] | None, lesson: Lesson | None = None) -> Threshold:
    """Returns the threshold in force, and has the log tell its note once. Raises BadInput where none can be known."""
    held = held_by(loaded, calibration, lesson)
    if held.note:
        _tell(held.note)
    return held


@cache
def _tell(note: str) -> None:
    _log.warning("%s", note)


def held_by(loaded: LoadedConfig, calibration: dict[str, Any] | None, lesson: Lesson | None = None) -> Threshold:
    """Returns the threshold that this calibration would put in force. Raises BadInput where none can be known."""

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
            return _promised(wanted.precision, source, known, learned if method.measure is None else None)
        if method.measure is None:  # it is a probability: pairs above it are right at least that often
            return learned(wanted.precision, source)
        raise BadInput(
            f"same_shot.precision says nothing yet: same_shot.method is {wanted.method}, "
            "and how often its scores are right is not known before a calibration",
            f"Run `sameshot calibrate --precision {wanted.precision:g}`, or write same_shot.threshold into the config",
        )
    if known is not None:
        return Threshold(known["threshold"], f"calibrated on {known['on']}")
    if method.measure is None:
        return learned(LINK_THRESHOLD, "default")
    raise BadInput(
        f"same_shot.threshold is missing: same_shot.method is {wanted.method}, and its scores mean what you say",
        "Write a threshold from 0 to 1 into the config, or look for one with `sameshot calibrate` and keep it with "
        "`sameshot calibrate --threshold`",
    )


def _promised(
    precision: float, source: str, known: dict[str, Any], learned: Callable[[float, str], Threshold] | None
) -> Threshold:
    """The threshold that promises `precision`, else what served before, for without one nothing goes on.

    `learned`: moves a threshold that is a probability; None where scores are none, and then the one kept serves.
    """
    on = f"calibrated on {known['on']}"
    if (promising := _lowest(known["points"], precision)) is not None:
        return Threshold(promising, f"{source}, {on}")
    if learned is None:
        held, stays = Threshold(known["threshold"], f"{on}; {source} asks for more"), "which was kept"
    else:
        held, stays = learned(precision, f"{source}; no threshold {on} promises it"), "as without a calibration"
    note = (
        f"{source} asks for a precision of {precision:g}, which no threshold promises: {_most(known['points'])}. "
        f"The threshold is {held.value:g}, {stays}; {_ASK_FOR_LESS}"
    )
    return Threshold(held.value, held.source, note)


def reaching(points: Sequence[Sequence[float]], precision: float) -> float:
    """Returns the lowest threshold of `points` (threshold, expected precision) that promises `precision`.

    Raises BadInput when none does.
    """
    lowest = _lowest(points, precision)
    if lowest is None:
        hint = _ASK_FOR_LESS.capitalize()
        raise BadInput(f"No threshold promises a precision of {precision:g}: {_most(points)}", hint)
    return lowest


def _lowest(points: Sequence[Sequence[float]], precision: float) -> float | None:
    return min((threshold for threshold, expected in points if expected >= precision), default=None)


def _most(points: Sequence[Sequence[float]]) -> str:
    if not points:
        return "too few alike photos were taken more than a day apart to say how often any is right"
    return f"the most is {max(expected for _, expected in points):.5f}"
