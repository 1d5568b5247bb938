"""Which clustering of many is the best, by three measures that need no truth, and why.

Comes in: unit vectors with their keys, the methods to try and the grid of their parameters. Goes out: a row for each
candidate, the best first. Silhouette (Rousseeuw 1987, higher is better), Calinski-Harabasz (1974, higher) and
Davies-Bouldin (1979, lower) each rank the candidates; the smallest sum of the three ranks wins, ties go to the higher
silhouette and then to the name. A candidate that is degenerate (one cluster, all alone, a measure that is undefined)
or that could not run has no rank, and its reason is told. The measures judge shape, not sameness: they know nothing of
what is the same shot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from sameshot.group.clusterers import Labels, Parameters, Unsuitable, cluster, combinations

_SILHOUETTE_OF = 5_000
"""Pairwise distances are measured among so many vectors at most, drawn evenly by their keys."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One clustering. `ranks`: by silhouette, Calinski-Harabasz and Davies-Bouldin, 1 is best; None where `excluded`.

    `clusters`: those of two and more; `alone`: how many vectors are in none.
    """

    name: str
    parameters: Parameters
    labels: Labels | None = None
    clusters: int = 0
    alone: int = 0
    scores: tuple[float, float, float] | None = None
    ranks: tuple[float, float, float] | None = None
    excluded: str = ""

    @property
    def total(self) -> float:
        """The sum of its ranks; infinite where it has none."""
        return sum(self.ranks) if self.ranks else math.inf


def select(
    vectors: NDArray[np.float32],
    keys: Sequence[bytes],
    names: Iterable[str],
    grid: Mapping[str, Sequence[float | int | None]],
) -> list[Candidate]:
    """Returns every candidate, best first; those that are excluded come last. Same arguments as `cluster`."""
    order = np.array(sorted(range(len(vectors)), key=keys.__getitem__), np.int64)
    tried = [_tried(name, vectors, keys, given, order) for name in names for given in combinations(name, grid)]
    return ranked(tried)


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Returns the candidates with their ranks, best first. Equal scores share the mean of their ranks."""
    fit = [one for one in candidates if one.scores is not None]
    columns = []
    for measure, sign in enumerate((-1.0, -1.0, 1.0)):  # silhouette and Calinski-Harabasz: higher is better
        values = [sign * one.scores[measure] for one in fit if one.scores is not None]
        columns.append([_rank(value, values) for value in values])
    given = [replace(one, ranks=(a, b, c)) for one, a, b, c in zip(fit, *columns, strict=True)]
    excluded = [one for one in candidates if one.scores is None]
    return [*sorted(given, key=_standing), *excluded]


def _rank(value: float, values: Sequence[float]) -> float:
    below = sum(other < value for other in values)
    equal = sum(other == value for other in values)
    return below + (equal + 1) / 2


def _standing(one: Candidate) -> tuple[float, float, str]:
    silhouette = one.scores[0] if one.scores else -math.inf
    return one.total, -silhouette, f"{one.name} {sorted(one.parameters.items(), key=str)}"


def _tried(
    name: str,
    vectors: NDArray[np.float32],
    keys: Sequence[bytes],
    given: Parameters,
    order: NDArray[np.int64],
) -> Candidate:
    try:
        labels = cluster(name, vectors, keys, given)
    except Unsuitable as reason:
        return Candidate(name, given, excluded=str(reason))
    sizes = np.bincount(labels)
    clusters, alone = int((sizes > 1).sum()), int((sizes == 1).sum())
    found = Candidate(name, given, labels, clusters, alone)
    if len(sizes) == 1:
        return replace(found, excluded="all photos in one cluster")
    if not clusters:
        return replace(found, excluded="all photos are alone")
    step = -(-len(order) // _SILHOUETTE_OF)
    drawn = order[::step]
    if not 2 <= len(np.unique(labels[drawn])) < len(drawn):
        return replace(found, excluded="the silhouette of the sample is undefined")
    sorted_vectors, sorted_labels = vectors[order].astype(np.float64), labels[order]
    scores = (
        float(silhouette_score(vectors[drawn].astype(np.float64), labels[drawn])),
        float(calinski_harabasz_score(sorted_vectors, sorted_labels)),
        float(davies_bouldin_score(sorted_vectors, sorted_labels)),
    )
    if not all(map(math.isfinite, scores)):
        return replace(found, excluded="a measure is undefined")
    return replace(found, scores=scores)
