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


SHORTLIST_COSINE = 0.50
"""Pairs whose vectors are further apart are not compared: see docs/decisions/pair-score.md for what that costs."""

LINK_THRESHOLD = 0.5
"""From this score on a pair is the same shot."""


def score_pair(a: Features, b: Features) -> PairScore:
    """The score of two photos, the same in either order. Their vectors are of one encoder."""
    evidence = evidence_of(a, b)
    return PairScore(probability(evidence), evidence)


def evidence_of(a: Features, b: Features) -> dict[str, float]:
    """The scores of every measure, by name, the same in either order."""
    first, second = sorted((a, b), key=lambda features: (features.descriptors["orb"], features.descriptors["relief"]))
    found = orb.agreement(first.descriptors["orb"], second.descriptors["orb"])
    reliefs = (first.descriptors["relief"], second.descriptors["relief"])
    return {
        "cosine": float(np.dot(first.vector, second.vector)),
        "inliers": float(found.inliers),
        "share": found.share,
        "spread": found.spread,
        "overlay": relief.correlation(*reliefs, found.map) if found.map is not None else 0.0,
        "frame": relief.correlation(*reliefs, None),
        "phash": phash.likeness(first.descriptors["phash"], second.descriptors["phash"]),
        "moment": moment.nearness(first.capture, second.capture),
    }


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
