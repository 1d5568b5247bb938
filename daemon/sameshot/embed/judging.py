"""Whether a challenger embeds the owner's photos better than the champion, by pairs that neither was made from.

Comes in: the vectors that both give the same held-out pictures, and which of these show one shot. Goes out: how well
each ranks a picture's own shot before all others (mean average precision), and a paired bootstrap of the difference
(Efron and Tibshirani, 1993). Pictures of one shot are no independent witnesses, so shots are resampled, not pairs. The
challenger wins only when the whole interval is above 0: a night of noise, of blur, or with too little to judge by
leaves the champion in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_SHOTS = 20
"""With fewer shots that have at least two pictures nothing is decided."""
_RESAMPLES = 2000
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Judgement:
    """Mean average precision of both, 0..1; `low`, `high`: the interval of the difference. `why` is one sentence."""

    champion: float
    challenger: float
    low: float
    high: float
    shots: int
    pictures: int
    wins: bool
    why: str


def judge(
    champion: NDArray[np.float32], challenger: NDArray[np.float32], shots: NDArray[np.int64], seed: int = 0
) -> Judgement:
    """Compares two encoders. Both: float32 (n, any dimension), unit norm, of the same pictures; `shots`: int64 (n,)."""
    if not (len(champion) == len(challenger) == len(shots)):
        raise ValueError("both encoders are judged by the same pictures")
    one, other = average_precisions(champion, shots), average_precisions(challenger, shots)
    known = ~np.isnan(one)
    judged, own = np.unique(shots[known], return_inverse=True)
    if len(judged) < FEWEST_SHOTS:
        why = f"only {len(judged)} shots have two pictures to judge by, and {FEWEST_SHOTS} are needed"
        return Judgement(0.0, 0.0, 0.0, 0.0, len(judged), int(known.sum()), wins=False, why=why)
    sizes = np.bincount(own)
    before = np.bincount(own, one[known]) / sizes
    after = np.bincount(own, other[known]) / sizes
    drawn = np.random.default_rng(seed).integers(0, len(judged), (_RESAMPLES, len(judged)))
    differences = (after - before)[drawn].mean(axis=1)
    low, high = np.quantile(differences, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2))
    wins = bool(low > 0)
    why = (
        f"it finds the other pictures of a shot with an average precision of {after.mean():.4f} instead of "
        f"{before.mean():.4f}, and the difference is between {low:+.4f} and {high:+.4f}"
    )
    return Judgement(
        float(before.mean()), float(after.mean()), float(low), float(high), len(judged), int(known.sum()), wins, why
    )


def average_precisions(vectors: NDArray[np.float32], shots: NDArray[np.int64]) -> NDArray[np.float64]:
    """The average precision with which each picture finds the others of its shot; NaN where there are none.

    Equal cosines count against the picture: an encoder that sees everything alike finds nothing.
    """
    found = np.full(len(shots), np.nan)
    for row in range(len(shots)):
        same = shots == shots[row]
        same[row] = False
        if not same.any():
            continue
        cosines = np.round(vectors @ vectors[row], 6)
        cosines[row] = -np.inf
        own = np.sort(cosines[same])[::-1]
        others = np.sort(cosines[~same])
        # For each of its own, best first: how many of the others are at least as near.
        nearer = len(others) - np.searchsorted(others, own, side="left")
        place = np.arange(1, len(own) + 1)
        found[row] = float(np.mean(place / (place + nearer)))
    return found
