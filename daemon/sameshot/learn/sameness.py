"""How much more, or less, alike two photos of one shot are to this owner than to the score as it is shipped.

Comes in: pairs that the owner put together or apart, with their scores, and the scores of all pairs that nobody spoke
of. Goes out: one number, to be added to the log odds of every score, and the verdict of pairs that were held out. A
shift keeps the order of all pairs, so it is another threshold and nothing else, and no pair is compared again for it.

Owners speak of what is wrong and are silent of what is right. So each silent pair counts as a word too, one that the
shipped score has right as often as it says: thirty pairs put together among thousands move little, unless thousands
are as uncertain. A slope beside the shift would let an owner who contradicts himself make all scores less sure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sameshot.learn.held_out import HeldOut, Losses, folds_of, judge, too_few, weights_of

_SUREST = 7.0
"""Log odds: a word against a score that was sure counts as one against 999 in 1000."""
_SPREAD = 1.0
"""Log odds by which owners are thought to differ before any of them said a word."""
_FARTHEST = 3.0
_STEPS = 30
_FEWEST_OF_A_KIND = 5


@dataclass(frozen=True, slots=True)
class SaidPairs:
    """`scores`: float64 (n,), 0..1. `together`: bool (n,). `sets`: int64 (n,), alike for pairs that share a photo.

    `photos`: float64 (n,), how many photos the pair's set holds, at least 2.
    """

    scores: NDArray[np.float64]
    together: NDArray[np.bool_]
    sets: NDArray[np.int64]
    photos: NDArray[np.float64]


def learn_shift(said: SaidPairs, silent: NDArray[np.float64], threshold: float) -> tuple[float, HeldOut]:
    """The shift, and how it did on pairs that were held out. `silent`: float64 (m,), scores. `threshold`: in force."""
    if (few := too_few(said.sets)) is not None:
        return 0.0, few
    odds, unsaid = log_odds(said.scores), log_odds(silent)
    weights, fold = weights_of(said.sets, said.photos), folds_of(said.sets)
    sign = np.where(said.together, 1.0, -1.0)
    shifts, costs = np.zeros(len(odds)), []
    for number in range(int(fold.max()) + 1):
        kept = fold != number
        shift = _fitted(odds[kept], sign[kept], weights[kept], unsaid)
        shifts[~kept] = shift
        costs.append(_silent_cost(unsaid, shift))
    bound = float(log_odds(np.array([threshold]))[0])
    before = Losses(np.logaddexp(0, -sign * odds), (odds >= bound) == said.together)
    moved = odds + shifts
    after = Losses(np.logaddexp(0, -sign * moved), (moved >= bound) == said.together)
    told = judge(before, after, weights, said.sets, float(np.mean(costs)))
    if told.wins and _contradicts(odds, said.together):
        told = replace(told, wins=False, why="what you put together is less alike than what you put apart")
    return _fitted(odds, sign, weights, unsaid), told


def log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log odds of scores, float64 (n,), none surer than a word can refute."""
    near = 1 / (1 + np.exp(_SUREST))
    held = np.clip(scores, near, 1 - near)
    odds: NDArray[np.float64] = np.log(held / (1 - held))
    return odds


def shifted_threshold(threshold: float, shift: float) -> float:
    """From which shipped score on the shifted one reaches `threshold`."""
    if not 0 < threshold < 1:
        return threshold
    return float(1 / (1 + np.exp(shift - np.log(threshold / (1 - threshold)))))


def _fitted(
    odds: NDArray[np.float64], sign: NDArray[np.float64], weights: NDArray[np.float64], unsaid: NDArray[np.float64]
) -> float:
    """The likeliest shift, by Newton's method; the cost is convex in it."""
    shift, expected = 0.0, _chance(unsaid)
    for _ in range(_STEPS):
        chance, silent = _chance(odds + shift), _chance(unsaid + shift)
        pull = float((weights * (chance - (sign > 0))).sum() + (silent - expected).sum() + shift / _SPREAD**2)
        bend = float((weights * chance * (1 - chance)).sum() + (silent * (1 - silent)).sum() + 1 / _SPREAD**2)
        shift = float(np.clip(shift - np.clip(pull / bend, -0.5, 0.5), -_FARTHEST, _FARTHEST))
    return shift


def _contradicts(odds: NDArray[np.float64], together: NDArray[np.bool_]) -> bool:
    """Whether the words run against the score, which then no shift makes better."""
    same, other = odds[together], odds[~together]
    if min(len(same), len(other)) < _FEWEST_OF_A_KIND:
        return False
    return bool(np.sign(same[:, None] - other[None]).mean() < 0)


def _silent_cost(unsaid: NDArray[np.float64], shift: float) -> float:
    """What the shift loses of pairs that the shipped score has right as often as it says."""
    expected = _chance(unsaid)
    moved, held = unsaid + shift, unsaid
    lost = expected * (np.logaddexp(0, -moved) - np.logaddexp(0, -held))
    lost += (1 - expected) * (np.logaddexp(0, moved) - np.logaddexp(0, held))
    return float(lost.sum())


def _chance(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
    return chance
