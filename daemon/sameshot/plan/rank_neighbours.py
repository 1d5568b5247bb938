"""Nearest neighbours by blocks of a matrix product: exact, in bounded memory, on one core.

Comes in: float32 vectors. Goes out: for each the indexes of its nearest others, nearest first, ties by index, and the
Euclidean distances. Refuses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK_BYTES = 64 << 20
_CHUNK = 32


def nearest(vectors: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `count` nearest others of each row of `vectors` (n, d): indexes and distances, both (n, count).

    `count` is at most n - 1.
    """
    total = len(vectors)
    # Half the squared norm is folded into the product, so that the nearest is simply the largest.
    half = np.einsum("ij,ij->i", vectors, vectors) / 2
    padded = -(-total // _CHUNK) * _CHUNK
    height = max(1, _BLOCK_BYTES // (4 * padded))
    closeness = np.full((height, padded), -np.inf, np.float32)
    indexes = np.empty((total, count), np.int64)
    for start in range(0, total, height):
        rows = np.arange(start, min(start + height, total))
        block = closeness[: len(rows)]
        np.matmul(vectors[rows], vectors.T, out=block[:, :total])
        block[:, :total] -= half
        block[rows - start, rows] = -np.inf
        indexes[rows] = _largest(block, count)
    return indexes, distances(vectors, np.repeat(np.arange(total), count), indexes.ravel()).reshape(total, count)


def distances(vectors: NDArray[np.float32], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float32]:
    """Euclidean distance between the rows `first` and `second` of `vectors`, pair by pair. Index -1: no end, 0."""
    result = np.zeros(len(first), np.float32)
    for start in range(0, len(first), 1 << 15):
        part = slice(start, start + (1 << 15))
        apart = vectors[first[part]] - vectors[second[part]]
        result[part] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    result[(first < 0) | (second < 0)] = 0
    return result


def _largest(block: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Columns of the `count` largest values of each row, largest first, ties by column."""
    rows, width = block.shape
    columns: NDArray[np.int64]
    if count * _CHUNK * 4 < width:
        # The largest values lie in the chunks of the largest maxima: far fewer values are left to sort.
        maxima = block.reshape(rows, -1, _CHUNK).max(axis=2)
        chunks = np.sort(np.argpartition(-maxima, count - 1, axis=1)[:, :count], axis=1)
        columns = (chunks[:, :, None] * _CHUNK + np.arange(_CHUNK)).reshape(rows, -1)
    else:
        columns = np.broadcast_to(np.arange(width), (rows, width))
    values = np.take_along_axis(block, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(columns, order, axis=1)
