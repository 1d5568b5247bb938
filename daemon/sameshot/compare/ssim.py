"""Structural similarity of two small gray reads (Wang, Bovik, Sheikh and Simoncelli, 2004), by scikit-image.

Comes in: two descriptors of `describe/gray.py`. Goes out: 0..1. What is below zero, structure turned into its
negative, is as unlike as can be: 0.
"""

from __future__ import annotations

from typing import Any

from skimage.metrics import structural_similarity

from sameshot.compare.gray import unpack


def score(a: bytes, b: bytes) -> float:
    """The mean structural similarity, 1 for identical pictures. Raises ValueError where the reads are of two sizes."""
    one, other = unpack(a, b)
    similarity: Any = structural_similarity
    return min(1.0, max(0.0, float(similarity(one, other, data_range=255))))
