"""Cosines that are the same number whichever way and wherever they are computed.

A matrix product rounds differently with the position of a row and the size of the matrix, so two photos near a
threshold could be neighbours seen from one side and not from the other. Here the product of two float32 numbers is
exact in float64 and `math.fsum` rounds their sum once: the score is symmetric and independent of everything else.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Neighbour = tuple[int, float]


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
    products: list[list[float]] = (rows.astype(np.float64) * vector.astype(np.float64)).tolist()
    return [min(math.fsum(row), 1.0) for row in products]


def rounding_margin(dimension: int) -> float:
    """How far a float32 product of two unit vectors may be from their exact cosine, in any order of summation."""
    return (dimension + 4) * float(np.finfo(np.float32).eps)


def ranked(ids: list[int], cosines: list[float]) -> list[Neighbour]:
    """Highest cosine first, ties by id."""
    return sorted(zip(ids, cosines, strict=True), key=lambda neighbour: (-neighbour[1], neighbour[0]))
