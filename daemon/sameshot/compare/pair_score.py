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
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from sameshot.compare import moment, orb, phash, relief
from sameshot.model import PairScore

if TYPE_CHECKING:
    from sameshot.model import Features


class _Model(TypedDict):
    intercept: float
    hinges: dict[str, list[tuple[float, float]]]
    """Score -> (where the piece begins, log odds for each unit above)."""


def score_pair(a: Features, b: Features) -> PairScore:
    """The score of two photos, the same in either order. Their vectors are of one encoder."""
    evidence, shift = _compared(a, b)
    return PairScore(probability(evidence), evidence | shift)


def evidence_of(a: Features, b: Features) -> dict[str, float]:
    """The scores of every measure, by name, the same in either order."""
    return _compared(a, b)[0]


def _compared(a: Features, b: Features) -> tuple[dict[str, float], dict[str, float]]:
    """The scores, and where geometry found it how far the scene moved from the photo taken first to the other one."""
    first, second = sorted((a, b), key=lambda features: (features.descriptors["orb"], features.descriptors["relief"]))
    found = orb.agreement(first.descriptors["orb"], second.descriptors["orb"])
    reliefs = (first.descriptors["relief"], second.descriptors["relief"])
    evidence = {
        "cosine": float(np.dot(first.vector, second.vector)),
        "inliers": float(found.inliers),
        "share": found.share,
        "spread": found.spread,
        "overlay": relief.correlation(*reliefs, found.map) if found.map is not None else 0.0,
        "overlay_patches": relief.patches(*reliefs, found.map) if found.map is not None else 0.0,
        "frame": relief.correlation(*reliefs, None),
        "frame_patches": relief.patches(*reliefs, None),
        "phash": phash.likeness(first.descriptors["phash"], second.descriptors["phash"]),
        "moment": moment.nearness(first.capture, second.capture),
    }
    shift = orb.shift(found)
    if shift is None:
        return evidence, {}
    sign = -1.0 if moment.is_later(first.capture, second.capture) else 1.0
    return evidence, {"shift_x": sign * shift[0], "shift_y": sign * shift[1]}


def probability(evidence: dict[str, float]) -> float:
    """What the fitted model says of these scores, 0..1."""
    model = _model()
    log_odds = model["intercept"]
    for name, hinges in model["hinges"].items():
        log_odds += sum(slope * max(0.0, evidence[name] - start) for start, slope in hinges)
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, log_odds))))


@cache
def _model() -> _Model:
    fitted: _Model = json.loads(resources.files("sameshot.compare").joinpath("pair_score.json").read_text("utf-8"))
    return fitted
