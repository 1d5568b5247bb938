"""Whether what was learned from the owner's words holds for those that it was not learned from.

Comes in: for each word its loss as shipped and as learned without it, and which words stand or fall together. Goes out:
the verdict on what was learned. Words about one shot are no independent witnesses, so whole sets of them are held out
and resampled (paired bootstrap: Efron and Tibshirani, 1993). It wins only where the whole interval of the difference
is above 0, and where it also decides more of the words as they were said: a correction that is only surer of itself, or
learned from an owner who said now this and now that, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sameshot.wording import counted

FEWEST_SETS = 30
"""With fewer sets of words nothing is learned."""
_FOLDS = 5
_RESAMPLES = 2000
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How what was learned did on held-out words. `before` (as shipped), `after`: the mean log loss.

    `low`, `high`: the interval of what is gained. `right_before`, `right_after`: the share decided as it was said.
    `why`: one sentence, without its stop.
    """

    words: int
    sets: int
    before: float
    after: float
    low: float
    high: float
    right_before: float
    right_after: float
    wins: bool
    why: str


@dataclass(frozen=True, slots=True)
class Losses:
    """Of each word: its log loss, float64 (n,), and whether it is decided as it was said, bool (n,)."""

    loss: NDArray[np.float64]
    right: NDArray[np.bool_]


def too_few(sets: NDArray[np.int64]) -> HeldOut | None:
    """The verdict where there are too few words to learn from, else None. `sets`: int64 (n,), of each word."""
    count = len(np.unique(sets))
    if count >= FEWEST_SETS:
        return None
    why = f"you spoke of {counted(count, 'set')} of photos so far, and {FEWEST_SETS} are needed"
    return HeldOut(len(sets), count, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, wins=False, why=why)


def folds_of(sets: NDArray[np.int64]) -> NDArray[np.int64]:
    """In which fifth each word is held out, int64 (n,); the words of a set are in the same one."""
    names, own = np.unique(sets, return_inverse=True)
    fold: NDArray[np.int64] = (np.random.default_rng(0).permutation(len(names)) % _FOLDS)[own]
    return fold


def weights_of(sets: NDArray[np.int64], photos: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of each word, float64 (n,): two photos are one word, and each doubling of a set one word more.

    `photos`: float64 (n,), at least 2, how many photos the set of each word holds. Of a hundred photos that were put
    together in one breath 4,950 pairs are said, which are not as many thoughts.
    """
    _, own, counts = np.unique(sets, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = np.minimum(np.log2(photos) / counts[own], 1.0)
    return weights


def judge(
    before: Losses, after: Losses, weights: NDArray[np.float64], sets: NDArray[np.int64], cost: float = 0.0
) -> HeldOut:
    """Compares what is shipped with what was learned. `cost`: what the latter loses where nobody said anything."""
    names, own = np.unique(sets, return_inverse=True)
    gains = np.bincount(own, weights * (before.loss - after.loss))
    drawn = np.random.default_rng(0).integers(0, len(names), (_RESAMPLES, len(names)))
    gained = (gains[drawn].sum(axis=1) - cost) / weights.sum()
    low, high = (float(bound) for bound in np.quantile(gained, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2)))

    def mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
        return float(np.average(values, weights=weights))

    right_before, right_after = mean(before.right), mean(after.right)
    why = (
        f"held-out log loss {mean(after.loss):.2f} against {mean(before.loss):.2f} as shipped, better by "
        f"{low:+.3f} to {high:+.3f}; {right_after:.0%} decided as you said against {right_before:.0%}"
    )
    wins = low > 0 and right_after > right_before
    return HeldOut(
        len(sets), len(names), mean(before.loss), mean(after.loss), low, high, right_before, right_after, wins, why
    )
