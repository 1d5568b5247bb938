"""Vectors to clusters by the methods of scikit-learn, for re-clustering on request. Never loaded by the service.

Comes in: unit vectors, a key for each that does not depend on the order of arrival (its digest), a method of the table
and its parameters. Goes out: one label for each vector. What a method leaves out as noise gets a label of its own: it
is alone. Distances are Euclidean between unit vectors, so `eps` 0.5 is a cosine of 0.875. The rows are sorted by their
keys before any method sees them, so the order of arrival changes nothing; labels count up in that order.

Where there are more than a method can hold, it runs inside neighbourhoods: the connected components of a graph of pairs
that look alike, each of which gets its share of the clusters that were asked for. Refuses what a method cannot do with
so many vectors, or so few, with a reason.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
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


def cluster(
    name: str,
    vectors: NDArray[np.float32],
    keys: Sequence[bytes],
    parameters: Parameters,
    alike: NDArray[np.int64] | None = None,
) -> Labels:
    """Returns a label for each vector, int64 (n,). vectors: float32 (n, dimension), unit norm; `keys`: n, distinct.

    `alike`: pairs of places of vectors that look alike, (pairs, 2), for when there are too many vectors.
    Raises Unsuitable when the method cannot be used on them.
    """
    method = CLUSTERERS[name]
    count = len(vectors)
    wanted = parameters.get("number_of_clusters")
    if count < 2 or (wanted is not None and wanted > count):
        raise Unsuitable(f"{count} photos are fewer than the clusters asked for")
    order = np.array(sorted(range(count), key=keys.__getitem__), np.int64)
    labels = np.empty(count, np.int64)
    if count <= method.most:
        labels[order] = _counted(_fitted(method, vectors[order], parameters))
        return labels
    if alike is None:
        raise Unsuitable(f"{count} photos are more than the {method.most} it can hold")
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    labels[order] = _counted(_within(method, vectors[order], parameters, place[alike]))
    return labels


def neighbourhoods(count: int, alike: NDArray[np.int64]) -> NDArray[np.int64]:
    """The connected component of each of `count` places in the graph of pairs that look alike."""
    graph = coo_array((np.ones(len(alike), np.int8), (alike[:, 0], alike[:, 1])), shape=(count, count))
    found: NDArray[np.int64] = connected_components(graph, directed=False)[1]
    return found


def _within(
    method: Clusterer, vectors: NDArray[np.float32], parameters: Parameters, alike: NDArray[np.int64]
) -> Labels:
    """Labels in the order of the vectors, -1 for what is alone, by running the method in each neighbourhood."""
    component = neighbourhoods(len(vectors), alike)
    sizes = np.bincount(component)
    if sizes.max() > method.most:
        raise Unsuitable(
            f"{len(vectors)} photos are more than the {method.most} it can hold, and {sizes.max()} of them are one "
            "neighbourhood"
        )
    wanted, together = parameters.get("number_of_clusters"), int(sizes[sizes > 1].sum())
    labels = np.full(len(vectors), -1, np.int64)
    members = np.split(np.argsort(component, kind="stable"), np.cumsum(sizes)[:-1])
    for inside in members:
        if len(inside) < 2:
            continue
        given = dict(parameters)
        if wanted is not None:  # its share of the clusters, by its size
            given["number_of_clusters"] = min(max(1, round(wanted * len(inside) / together)), len(inside))
        try:
            found = _fitted(method, vectors[inside], given)
        except Unsuitable:  # too few for the method: they are alone
            continue
        labels[inside] = np.where(found < 0, -1, found + labels.max() + 1)
    return labels


def _fitted(method: Clusterer, vectors: NDArray[np.float32], parameters: Parameters) -> Labels:
    """Labels as the method gives them. Raises Unsuitable with the method's own reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct vectors than clusters, or few rounds
            found: Labels = method.estimator(parameters).fit_predict(vectors.astype(np.float64))
    except ValueError as error:
        raise Unsuitable(str(error).splitlines()[0]) from error
    return found.astype(np.int64)


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
