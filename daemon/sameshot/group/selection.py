"""Which clustering of many is the best, by three measures that need no truth, and why.

Comes in: unit vectors with their keys, the methods to try and the grid of their parameters. Goes out: a row for each
candidate, the best first. Silhouette (Rousseeuw 1987, higher is better), Calinski-Harabasz (1974, higher) and
Davies-Bouldin (1979, lower) each rank the candidates; the smallest sum of the three ranks wins, ties go to the higher
silhouette and then to the name. A candidate that is degenerate (one cluster, all alone, a measure that is undefined)
or that could not run has no rank, and its reason is told. The measures judge shape, not sameness: they know nothing of
what is the same shot, and `reasons` shows by the candidates themselves where that leads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score, silhouette_score

from sameshot.group.clusterers import Labels, Parameters, Unsuitable, cluster, combinations

MEASURES = ("The silhouette", "Calinski-Harabasz", "Davies-Bouldin")
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
    alike: NDArray[np.int64] | None = None,
) -> list[Candidate]:
    """Returns every candidate, best first; those that are excluded come last. Same arguments as `cluster`."""
    order = np.array(sorted(range(len(vectors)), key=keys.__getitem__), np.int64)
    tried = [_tried(name, vectors, keys, given, order, alike) for name in names for given in combinations(name, grid)]
    return ranked(tried)


def reasons(candidates: Sequence[Candidate], truth: Sequence[int]) -> list[str]:
    """Sentences on how far the measures lead from `truth`, a label for each vector, and what makes them.

    `candidates`: as `select` returns them. Nothing where fewer than two can be compared.
    """
    fit = [one for one in candidates if one.ranks is not None and one.labels is not None]
    if len(fit) < 2:
        return []
    near = [float(adjusted_rand_score(truth, one.labels)) for one in fit]
    best = int(np.argmax(near))
    count, alone = len(truth), int((np.unique(truth, return_counts=True)[1] == 1).sum())
    place = f"number {best + 1} of {len(fit)} by the sum of ranks" if best else "first by the sum of ranks too"
    told = [f"Nearest to what is known ({near[best]:.2f}) is {_called(fit[best])}: {place}."]
    for measure, name in enumerate(MEASURES):
        first = min(range(len(fit)), key=lambda one: fit[one].ranks[measure])  # type: ignore[index]
        follows = _goes_with([one.ranks[measure] for one in fit if one.ranks], [-float(one.alone) for one in fit])
        told.append(
            f"{name} alone would choose {_called(fit[first])} ({near[first]:.2f}), which leaves "
            f"{fit[first].alone / count:.0%} of the photos alone; {follows}."
        )
    told.append(
        f"As known {alone / count:.0%} are alone. A photo that is alone has no spread, so it is a perfect cluster to "
        "Calinski-Harabasz and Davies-Bouldin, and counts 0 in the silhouette: none of the three knows what a shot is."
    )
    return told


def _called(one: Candidate) -> str:
    given = " ".join(f"{name}={value}" for name, value in one.parameters.items() if name != "max_iter")
    return f"{one.name} {given}"


def _goes_with(ranks: Sequence[float], few_alone: Sequence[float]) -> str:
    """How the ranks (1 is best) go with how many are left alone: Spearman's correlation, in words and as a number."""
    one, other = (np.array([_rank(value, values) for value in values]) for values in (ranks, few_alone))
    if one.std() == 0 or other.std() == 0:
        return "what it prefers has nothing to do with how many are alone"
    together = float(np.corrcoef(one, other)[0, 1])
    return f"the more are alone the {'better' if together > 0 else 'worse'} it likes it ({together:+.2f})"


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
    alike: NDArray[np.int64] | None,
) -> Candidate:
    try:
        labels = cluster(name, vectors, keys, given, alike)
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
