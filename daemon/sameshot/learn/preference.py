"""Which of its strengths makes a photo the best of its group to this owner.

Comes in: pairs of photos of one group, of which the owner chose the one, as differences of what `group.quality` rates
them by, and such pairs of groups in which he let the choice stand. Goes out: a weight for each strength, 1 as shipped,
and the verdict of groups that were held out. The model is Bradley and Terry's (1952) of paired comparisons: the log
odds that the one is chosen are a weighted sum of the differences in the logarithms of their shares. No weight is below
0: a strength may count for nothing, but never against a photo. As shipped all weights are equal; how decisive they are
together is fitted for that too, so what was learned wins only by what it weighs otherwise. Owners speak of what is
wrong and are silent of what is right, so silence is a word too, of a fourth of the weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sameshot.learn.held_out import HeldOut, Losses, folds_of, judge, too_few, weights_of

_LEAST_SHARE = 1e-3
_PRIOR_WORDS = 4.0
"""So many words would have to speak for a weight to move it half of the way."""
_LEAST_DECISIVE = 0.1
_HEAVIEST = 8.0
_SUREST = 3.0
"""Log odds: people choose for reasons of which nobody knows, too."""
_SILENCE = 0.25
_STEPS = 300


@dataclass(frozen=True, slots=True)
class Choices:
    """`names`: of the strengths. `differences`: float64 (n, strengths), log shares of the chosen less the other's.

    `sets`: int64 (n,), the group of each. `photos`: float64 (n,), how many photos of it the words are about, 2 or more.
    `silent`: float64 (m, strengths), such differences of what stands for a group as shipped and its others, where
    nobody spoke; `silent_sets`: int64 (m,), the group of each.
    """

    names: tuple[str, ...]
    differences: NDArray[np.float64]
    sets: NDArray[np.int64]
    photos: NDArray[np.float64]
    silent: NDArray[np.float64]
    silent_sets: NDArray[np.int64]


def difference(chosen: Sequence[float], other: Sequence[float]) -> NDArray[np.float64]:
    """A row of `Choices.differences`, float64 (strengths,), of two photos' shares, 0..1."""
    one, two = (np.log(np.maximum(np.array(shares, np.float64), _LEAST_SHARE)) for shares in (chosen, other))
    return one - two


def learn_weights(choices: Choices) -> tuple[dict[str, float], HeldOut]:
    """The weight of each strength by name, and how they did on groups that were held out."""
    if (few := too_few(choices.sets)) is not None:
        return {}, few
    words, silent = weights_of(choices.sets, choices.photos), _silent_weights(choices.silent_sets)
    fold = folds_of(choices.sets)
    shipped, margins = np.zeros(len(words)), np.zeros(len(words))
    costs = []
    for number in range(int(fold.max()) + 1):
        kept = fold != number
        given = np.vstack([choices.differences[kept], choices.silent])
        said = np.concatenate([words[kept], silent])
        decisive = _decisive(given, said)
        weights = decisive * _fitted(given, said, decisive)
        shipped[~kept] = decisive * choices.differences[~kept].sum(axis=1)
        margins[~kept] = choices.differences[~kept] @ weights
        lost = _loss(choices.silent @ weights) - _loss(decisive * choices.silent.sum(axis=1))
        costs.append(float((silent * lost).sum()))
    # Equally good is not chosen: what sees no difference has decided nothing.
    before, after = Losses(_loss(shipped), shipped > 0), Losses(_loss(margins), margins > 0)
    given, said = np.vstack([choices.differences, choices.silent]), np.concatenate([words, silent])
    fitted = _fitted(given, said, _decisive(given, said))
    by_name = {name: round(float(weight), 3) for name, weight in zip(choices.names, fitted, strict=True)}
    return by_name, judge(before, after, words, choices.sets, float(np.mean(costs)))


def _loss(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    lost: NDArray[np.float64] = np.logaddexp(0, -np.clip(margins, -_SUREST, _SUREST))
    return lost


def _silent_weights(sets: NDArray[np.int64]) -> NDArray[np.float64]:
    _, own, counts = np.unique(sets, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = _SILENCE / counts[own]
    return weights


def _decisive(given: NDArray[np.float64], words: NDArray[np.float64]) -> float:
    """By how much the log odds follow the plain sum of all differences, where every weight is 1."""
    return max(float(_descended(given.sum(axis=1, keepdims=True), words, np.zeros(1), np.zeros(1))[0]), _LEAST_DECISIVE)


def _fitted(given: NDArray[np.float64], words: NDArray[np.float64], decisive: float) -> NDArray[np.float64]:
    """Weights, float64 (strengths,), drawn to 1 by words that nobody said."""
    scaled = decisive * given
    pull = 0.25 * _PRIOR_WORDS * np.square(scaled).mean(axis=0)  # a word bends the loss by a quarter at most
    return np.minimum(_descended(scaled, words, np.ones(given.shape[1]), pull), _HEAVIEST)


def _descended(
    given: NDArray[np.float64], words: NDArray[np.float64], around: NDArray[np.float64], pull: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The likeliest weights that are not below 0, by accelerated projected descent (Nesterov, 1983)."""
    steepest = 0.25 * float(np.linalg.norm(given.T @ (given * words[:, None]), 2)) + float(pull.max()) + 1e-9
    weights = ahead = around.copy()
    for step in range(_STEPS):
        chance = 1 / (1 + np.exp(np.clip(given @ ahead, -50, 50)))
        downhill = given.T @ (words * chance) - pull * (ahead - around)
        moved = np.maximum(ahead + downhill / steepest, 0)
        ahead = moved + step / (step + 3) * (moved - weights)
        weights = moved
    return weights
