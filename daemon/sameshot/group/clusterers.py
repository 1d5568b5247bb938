"""Vectors to clusters by the methods of scikit-learn, for re-clustering on request. Never loaded by the service.

Comes in: unit vectors, a key for each that does not depend on the order of arrival (its digest), a method of the table
and its parameters. Goes out: one label for each vector. What a method leaves out as noise gets a label of its own: it
is alone. Distances are Euclidean between unit vectors, so `eps` 0.5 is a cosine of 0.875. The rows are sorted by their
keys before any method sees them, so the order of arrival changes nothing; labels count up in that order.

Refuses what a method cannot do with so many vectors, or so few, with a reason.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

Parameters = Mapping[str, float | int | None]
Labels = NDArray[np.int64]
DEFAULT_GRID: Mapping[str, tuple[float | int | None, ...]] = {
    "number_of_clusters": (10,),
    "max_iter": (200,),
    "eps": (0.5,),
    "min_samples": (5,),
    "min_cluster_size": (5,),
    "max_cluster_size": (None,),
}


class Unsuitable(Exception):
    """A method cannot be used on these vectors with these parameters; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Clusterer:
    """A row of the table. `parameters`: those of the grid that it takes. `most`: how many vectors it can hold.

    `estimator`: makes what clusters, from the parameters.
    """

    name: str
    parameters: tuple[str, ...]
    most: int
    estimator: Callable[[Parameters], Any]


def _components(given: Parameters) -> Any:
    """Density-based clusters in which every vector is dense enough are the connected components within `eps`."""
    return DBSCAN(eps=given["eps"], min_samples=1)


def _kmeans(given: Parameters) -> Any:
    return KMeans(given["number_of_clusters"], max_iter=given["max_iter"], n_init=3, random_state=0)


def _minibatch_kmeans(given: Parameters) -> Any:
    return MiniBatchKMeans(given["number_of_clusters"], max_iter=given["max_iter"], n_init=3, random_state=0)


def _agglomerative(given: Parameters) -> Any:
    return AgglomerativeClustering(given["number_of_clusters"], linkage="average")


def _dbscan(given: Parameters) -> Any:
    return DBSCAN(eps=given["eps"], min_samples=given["min_samples"])


def _gaussian_mixture(given: Parameters) -> Any:
    # Diagonal: a full covariance of hundreds of dimensions wants more photos than most libraries have.
    count, most = given["number_of_clusters"], given["max_iter"]
    return GaussianMixture(count, covariance_type="diag", max_iter=most, reg_covar=1e-5, random_state=0)


def _hdbscan(given: Parameters) -> Any:
    least, most = given["min_cluster_size"], given["max_cluster_size"]
    return HDBSCAN(min_cluster_size=least, max_cluster_size=most, copy=True)


_COUNT = ("number_of_clusters", "max_iter")
CLUSTERERS: Mapping[str, Clusterer] = {
    row.name: row
    for row in (
        Clusterer("components", ("eps",), 50_000, _components),
        Clusterer("kmeans", _COUNT, 200_000, _kmeans),
        Clusterer("minibatch_kmeans", _COUNT, 1_000_000, _minibatch_kmeans),
        Clusterer("agglomerative", ("number_of_clusters",), 20_000, _agglomerative),
        Clusterer("dbscan", ("eps", "min_samples"), 50_000, _dbscan),
        Clusterer("gaussian_mixture", _COUNT, 50_000, _gaussian_mixture),
        Clusterer("hdbscan", ("min_cluster_size", "max_cluster_size"), 20_000, _hdbscan),
    )
}
"""`most`: pairwise distances of 20,000 are 1.6 GB; the others need memory by vector, and are bounded by their time."""


def combinations(
    name: str, grid: Mapping[str, Sequence[float | int | None]]
) -> Iterator[dict[str, float | int | None]]:
    """Yields every combination of the grid's values for the parameters that the method takes."""
    wanted = CLUSTERERS[name].parameters
    for values in product(*(grid[parameter] for parameter in wanted)):
        yield dict(zip(wanted, values, strict=True))


def cluster(name: str, vectors: NDArray[np.float32], keys: Sequence[bytes], parameters: Parameters) -> Labels:
    """Returns a label for each vector, int64 (n,). vectors: float32 (n, dimension), unit norm; `keys`: n, distinct.

    Raises Unsuitable when the method cannot be used on them.
    """
    method = CLUSTERERS[name]
    count = len(vectors)
    wanted = parameters.get("number_of_clusters")
    if count > method.most:
        raise Unsuitable(f"{count} photos are more than the {method.most} it can hold")
    if count < 2 or (wanted is not None and wanted > count):
        raise Unsuitable(f"{count} photos are fewer than the clusters asked for")
    order = sorted(range(count), key=keys.__getitem__)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct vectors than clusters, or few rounds
            found = method.estimator(parameters).fit_predict(vectors[order].astype(np.float64))
    except ValueError as error:
        raise Unsuitable(str(error).splitlines()[0]) from error
    labels = np.empty(count, np.int64)
    labels[order] = _counted(found)
    return labels


def _counted(found: Labels) -> Labels:
    """Labels from 0 on in the order in which they come first; each -1 becomes one of its own."""
    known: dict[int, int] = {}
    counted = np.empty(len(found), np.int64)
    fresh = 0
    for place, label in enumerate(found.tolist()):
        if label < 0 or label not in known:
            if label >= 0:
                known[label] = fresh
            counted[place] = fresh
            fresh += 1
        else:
            counted[place] = known[label]
    return counted
