"""Cosines that are the same number whichever way and wherever they are computed.

A matrix product rounds differently with the position of a row and the size of the matrix, so two photos near a
threshold could be neighbours seen from one side and not from the other. Here the product of two float32 numbers is
exact in float64, and their sum is carried in twice that precision, in an order that depends on the dimension alone:
the score is symmetric and independent of everything else. (The error-free sum of two numbers is D. E. Knuth's, "The Art
of Computer Programming", volume 2, 4.2.2.)
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Neighbour = tuple[int, float]

_ROWS_AT_ONCE = 32
"""So few that what is in between stays in the processor's cache, and small however many are near."""


def unit_vector(vector: Vector, dimension: int) -> Vector:
    """The vector at length 1, float32 (dimension,), in memory of its own.

    Raises ValueError when it has another dimension, is zero, or holds a number that is not finite.
    """
    if vector.shape != (dimension,):
        raise ValueError(f"a vector of shape {vector.shape} does not fit an index of dimension {dimension}")
    wide = vector.astype(np.float64)
    length = math.sqrt(math.fsum((wide * wide).tolist())) if np.isfinite(wide).all() else math.nan
    if not length > 0:
        raise ValueError("a vector must be finite and not zero")
    unit: Vector = (wide / length).astype(np.float32)
    return unit


def exact_cosines(vector: Vector, rows: NDArray[np.float32]) -> list[float]:
    """The cosine of a unit vector (dimension,) to each of the unit rows (n, dimension), rounded once."""
    wide = vector.astype(np.float64)
    found: list[float] = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        products = rows[start : start + _ROWS_AT_ONCE].astype(np.float64)
        products *= wide
        found += np.minimum(_sums(np.ascontiguousarray(products.T)), 1.0).tolist()
    return found


def _sums(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of each column of terms (dimension, n), which is used up: halves are added until one row is left."""
    lost = np.zeros_like(terms)
    count = len(terms)
    while count > 1:
        half = count // 2
        first, second = terms[:half], terms[count - half : count]
        total = first + second
        carried = total - first
        # What rounding takes off is exact, and so small that an ordinary sum of it does.
        lost[:half] += lost[count - half : count]
        lost[:half] += (first - (total - carried)) + (second - carried)
        terms[:half] = total
        count -= half
    summed: NDArray[np.float64] = terms[0] + lost[0]
    return summed


def rounding_margin(dimension: int) -> float:
    """How far a float32 product of two unit vectors may be from their exact cosine, in any order of summation."""
    return (dimension + 4) * float(np.finfo(np.float32).eps)


def ranked(ids: list[int], cosines: list[float]) -> list[Neighbour]:
    """Highest cosine first, ties by id."""
    return sorted(zip(ids, cosines, strict=True), key=lambda neighbour: (-neighbour[1], neighbour[0]))
