"""The probability that two photos show the same shot.

Comes in: the features of two photos. Goes out: a probability with the scores behind it. Refuses nothing. It is an
additive model: every score is turned into evidence by a few hinges (rising pieces of a line), and the evidence adds
up to log odds. Its numbers stand in `pair_score.json`, fitted by `benchmarks/pair_score/fit.py` on photos made for
it.

The order of the two does not matter: they are put into an order of their own first.
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from sameshot.compare import flow, hues, moment, orb, phash, relief
from sameshot.compare.guided import guided
from sameshot.model import PairScore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from sameshot.model import Features


class _Stage(TypedDict):
    """`hinges`: score -> (where a piece begins, log odds for each unit above).

    A pair whose probability lies outside `undecided` goes no further; the last stage decides all.
    """

    intercept: float
    hinges: dict[str, list[tuple[float, float]]]
    undecided: tuple[float, float]


_BEYOND_HASH = 0.1
"""So much more than their perceptual hashes two frames may agree."""
_CELLS = 64
"""One corner that agrees stands for this part of a frame at most."""


def score_pair(a: Features, b: Features) -> PairScore:
    """The score of two photos, the same in either order. Their vectors are of one encoder.

    The evidence holds what was looked at until it was clear.
    """
    pair = _Pair(a, b)
    evidence: dict[str, float] = {}
    score = 0.0
    for stage, look in zip(_stages(), pair.looks(), strict=True):
        evidence |= look()
        score = _probability(stage, evidence)
        if not stage["undecided"][0] <= score <= stage["undecided"][1]:
            break
    return PairScore(score, evidence | pair.shift())


def evidence_of(a: Features, b: Features) -> dict[str, float]:
    """The scores of every measure, by name, the same in either order, whether they are needed or not."""
    evidence: dict[str, float] = {}
    for look in _Pair(a, b).looks():
        evidence |= look()
    return evidence


class _Pair:
    """Two photos that are looked at more and more closely."""

    def __init__(self, a: Features, b: Features) -> None:
        kept = ("orb", "relief", "phash", "hues")
        first, second = sorted((a, b), key=lambda features: [features.descriptors.get(name, b"") for name in kept])
        self._first, self._second = first, second
        reliefs = first.descriptors["relief"], second.descriptors["relief"]
        self._turn = relief.turn(*reliefs)
        self._frame = relief.laid_over(*reliefs, self._turn)
        self._corners = orb.NO_AGREEMENT
        self._overlay: relief.Overlay | None = None
        self._frame_fits = 0.0
        self._overlay_fits = 0.0

    def looks(self) -> tuple[Callable[[], dict[str, float]], ...]:
        """What can be asked, the cheapest first."""
        return self._at_a_glance, self._by_corners, self._part_by_part

    def shift(self) -> dict[str, float]:
        """How far the scene moved from the photo taken first to the other one, where geometry found it."""
        moved = orb.shift(self._corners)
        if moved is None:
            return {}
        sign = -1.0 if moment.is_later(self._first.capture, self._second.capture) else 1.0
        return {"shift_x": sign * moved[0], "shift_y": sign * moved[1]}

    def _at_a_glance(self) -> dict[str, float]:
        first, second = self._first, self._second
        self._frame_fits = self._frame.correlation()
        return {
            "cosine": float(np.dot(first.vector, second.vector)),
            "phash": phash.likeness(first.descriptors["phash"], second.descriptors["phash"], self._turn),
            "frame": self._frame_fits,
            "frame_patches": self._frame.patches(),
            "moment": moment.nearness(first.capture, second.capture),
        }

    def _by_corners(self) -> dict[str, float]:
        first, second = self._first.descriptors, self._second.descriptors
        found = self._corners = orb.agreement(first["orb"], second["orb"])
        if found.map is not None:
            self._overlay = relief.laid_over(first["relief"], second["relief"], found.map)
            self._overlay_fits = self._overlay.correlation()
        return {
            "inliers": float(found.inliers),
            "share": found.share,
            "spread": found.spread,
            "overlay": self._overlay_fits,
            "overlay_patches": self._overlay.patches() if self._overlay is not None else 0.0,
        }

    @property
    def _mapped(self) -> relief.Overlay | None:
        """The overlay by the map that corners agree on, where that fits better than whole frames."""
        return self._overlay if self._overlay_fits > self._frame_fits else None

    @property
    def _laid_by(self) -> NDArray[np.float64] | None:
        return self._turn if self._mapped is None else self._corners.map

    def _part_by_part(self) -> dict[str, float]:
        laid = self._frame if self._mapped is None else self._mapped
        left = flow.flow(laid.one, laid.other, laid.covered)
        first, second = self._first.descriptors, self._second.descriptors
        corners, _ = orb.unpack(first["orb"])
        plain, mirrored = orb.unpack(second["orb"])
        laid_by = self._laid_by
        is_mirrored = laid_by is not None and np.linalg.det(laid_by[:2, :2]) < 0
        found = guided(corners, mirrored.flipped() if is_mirrored else plain, laid_by, left, relief.SIDE_PX)
        return {
            "common": relief.common(laid_by),
            "flow": left.agreement,
            "flow_most": left.most,
            "steady": left.steady,
            "hues": hues.likeness(first.get("hues"), second.get("hues"), laid_by),
            "guided": found.share,
            "guided_parts": found.parts,
        }


def probability(evidence: Mapping[str, float]) -> float:
    """What the fitted model says of these scores, 0..1. Raises KeyError where one is missing."""
    return _probability(_stages()[-1], evidence)


def believed(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What of the evidence counts, for one pair or, with arrays, for many.

    Frames count for no more than their perceptual hashes bear out: stripes and tiles of one period lie on each other by
    chance. What the agreeing corners span counts for no more than there are corners: a dozen that agree by chance are
    enough to span half of two charts.
    """
    most = evidence["phash"] + _BEYOND_HASH
    counted = {name: np.minimum(evidence[name], most) for name in ("frame", "frame_patches")}
    if "inliers" in evidence:
        counted["spread"] = np.minimum(evidence["spread"], evidence["inliers"] / _CELLS)
    return {**evidence, **counted}


def _probability(stage: _Stage, evidence: Mapping[str, float]) -> float:
    evidence = believed(evidence)
    log_odds = stage["intercept"]
    for name, hinges in stage["hinges"].items():
        log_odds += sum(slope * max(0.0, evidence[name] - start) for start, slope in hinges)
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, log_odds))))


@cache
def _stages() -> list[_Stage]:
    fitted: list[_Stage] = json.loads(
        resources.files("sameshot.compare").joinpath("pair_score.json").read_text("utf-8")
    )
    return fitted
