"""How far groups depend on the order of arrival where the search is not exact: `python agreement.py [PHOTOS]`.

Drawn vectors, 256-d: shots of one to some forty frames whose cosines lie on both sides of the link, the hardest case
there is. They are put into the graph index in two orders, each searched for when it arrives; links are pairs at or
above the cosine, groups are the stars that sameshot makes of them. Beside the two orders stands the exact search.
Prints a table: links found, links of the exact search that were missed, the adjusted Rand index to the exact groups.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sameshot.group.constraints import resolve
from sameshot.group.partition import partition
from sameshot.index.neighbours import NeighbourIndex
from sameshot.model import Link

LINK_COSINE = 0.8
DIMENSION = 256
_BLOCK = 2000

Pairs = dict[tuple[int, int], float]


def drawn_vectors(count: int) -> np.ndarray:
    """float32 (count, 256), unit norm, in an order that tells nothing."""
    rng = np.random.default_rng(1)
    sizes = rng.geometric(0.3, count)
    shot = np.repeat(np.arange(count), sizes)[:count]
    centres = rng.normal(size=(count, DIMENSION)) / np.sqrt(DIMENSION)
    scatter = rng.uniform(0.05, 0.7, count)[shot][:, None] / np.sqrt(DIMENSION)
    vectors = centres[shot] + rng.normal(size=(count, DIMENSION)) * scatter
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return rng.permutation(vectors.astype(np.float32))


def links_of_arrival(vectors: np.ndarray, order: np.ndarray) -> Pairs:
    """What each photo finds when it arrives, by the graph index alone."""
    found: Pairs = {}
    with tempfile.TemporaryDirectory() as folder:
        index = NeighbourIndex(Path(folder) / "index", "drawn", DIMENSION, exact_until=0)
        for content in map(int, order):
            for other, cosine in index.search(vectors[content], LINK_COSINE):
                found[min(content, other), max(content, other)] = cosine
            index.add(content, vectors[content])
    return found


def exact_links(vectors: np.ndarray) -> Pairs:
    """Every pair at or above the cosine."""
    found: Pairs = {}
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors[start:].T
        for row, column in np.argwhere(np.triu(cosines, 1) >= LINK_COSINE):
            found[start + int(row), start + int(column)] = float(cosines[row, column])
    return found


def labels(count: int, pairs: Pairs) -> np.ndarray:
    """The number of each photo's star."""
    links = [Link(a, b, score) for (a, b), score in pairs.items()]
    order = {content: content.to_bytes(4, "big") for content in range(count)}
    numbers = np.empty(count, np.int64)
    for number, star in enumerate(partition(range(count), links, resolve([]), order)):
        numbers[list(star.members)] = number
    return numbers


def rand_index(one: np.ndarray, other: np.ndarray) -> float:
    """The adjusted Rand index of two labellings (Hubert and Arabie, 1985)."""

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both = pairs(np.unique(one * len(other) + other, return_counts=True)[1].astype(float))
    rows, columns = (pairs(np.bincount(each).astype(float)) for each in (one, other))
    expected = rows * columns / (len(one) * (len(one) - 1) / 2)
    return (both - expected) / ((rows + columns) / 2 - expected)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    vectors = drawn_vectors(count)
    exact = exact_links(vectors)
    truth = labels(count, exact)
    print(f"{count} vectors, {len(exact)} links, {len(np.unique(truth))} groups by exact search")
    print(f"{'order':<10}{'CPU s':>8}{'links':>10}{'missed':>9}{'ARI to exact':>15}")
    seen = []
    for name, order in (("one", np.arange(count)), ("another", np.random.default_rng(2).permutation(count))):
        started_s = time.process_time()
        pairs = links_of_arrival(vectors, order)
        spent_s = time.process_time() - started_s
        seen.append(labels(count, pairs))
        missed = len(exact.keys() - pairs.keys())
        print(f"{name:<10}{spent_s:>8.0f}{len(pairs):>10}{missed:>9}{rand_index(truth, seen[-1]):>15.5f}", flush=True)
    print(f"The two orders agree with an adjusted Rand index of {rand_index(*seen):.5f}.")


if __name__ == "__main__":
    main()
