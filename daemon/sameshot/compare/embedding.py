"""How alike two pictures look to the encoder.

Comes in: two vectors of unit norm as little-endian float32. Goes out: their cosine, 0..1; what points away is 0.
"""

from __future__ import annotations

import numpy as np


def score(a: bytes, b: bytes) -> float:
    """The cosine of the two vectors, 1 for identical ones. Raises ValueError where their dimensions differ."""
    if a == b:
        return 1.0
    one, other = np.frombuffer(a, "<f4"), np.frombuffer(b, "<f4")
    return min(1.0, max(0.0, float(np.dot(one, other))))
