"""What a grouping is worth, pair by pair.

Comes in: the labels of all photos, and which pairs a tool put together. Goes out: precision, recall and F1 over all
pairs, and recall for each kind. Two photos of one group belong together; of one scene and different groups nobody
judges; all others belong apart. A pair's kind is that of the changed photo where the other one is its original, or
the tier of both; pairs of two changes count in the whole and in no kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from collection import Label
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Figures:
    """`found`, `true`: pairs by kind. `false_pairs`: names of photos put together that belong apart."""

    precision: float
    recall: float
    f1: float
    false: int
    found: dict[str, int] = field(default_factory=dict)
    true: dict[str, int] = field(default_factory=dict)
    false_pairs: tuple[tuple[str, str], ...] = ()


def together(
    labels: Sequence[Label], groups: Iterable[Sequence[str]], pairs: Iterable[Sequence[str]]
) -> NDArray[np.bool_]:
    """Which pairs are together, by groups or pairs of names: bool (n, n), above the diagonal only."""
    at = {label.path: number for number, label in enumerate(labels)}
    said = np.zeros((len(labels), len(labels)), bool)
    for group in groups:
        members = sorted(at[name] for name in group if name in at)
        said[np.ix_(members, members)] = True
    for one, other in pairs:
        said[at[one], at[other]] = said[at[other], at[one]] = True
    return np.triu(said, 1)


def score(labels: Sequence[Label], said: NDArray[np.bool_]) -> Figures:
    """Scores `said`, bool (n, n)."""
    groups, scenes = _numbers([label.group for label in labels]), _numbers([label.scene for label in labels])
    same = np.triu(groups[:, None] == groups, 1)
    has_scene = np.array([bool(label.scene) for label in labels])
    unjudged = (scenes[:, None] == scenes) & has_scene[:, None] & has_scene & ~same
    wrong = said & ~same & ~unjudged
    hits, false, true = int((said & same).sum()), int(wrong.sum()), int(same.sum())
    precision, recall = hits / (hits + false) if hits + false else 1.0, hits / true if true else 1.0
    found: dict[str, int] = {}
    wanted: dict[str, int] = {}
    for one, other in np.argwhere(same):
        kind = _kind(labels[one].kind, labels[other].kind)
        if kind is not None:
            wanted[kind] = wanted.get(kind, 0) + 1
            found[kind] = found.get(kind, 0) + int(said[one, other])
    return Figures(
        precision,
        recall,
        2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        false,
        found,
        wanted,
        tuple((labels[one].path, labels[other].path) for one, other in np.argwhere(wrong)[:1000]),
    )


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(np.array(names), return_inverse=True)[1]


def _kind(one: str, other: str) -> str | None:
    if one == other:
        return one
    kinds = {one, other} - {"original"}
    return kinds.pop() if len(kinds) == 1 else None


def pairs_of(groups: Iterable[Sequence[str]]) -> set[tuple[str, str]]:
    """All pairs inside groups, each in order."""
    return {pair for group in groups for pair in combinations(sorted(group), 2)}
