"""How long the rank order takes and how short its path is: `python benchmarks/rank/order.py [PHOTOS] [METHOD]`.

Drawn vectors, 256-d, about 20 to a scene, with scatter of every size. The plain nearest-neighbour chain beside it.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from sameshot.plan.rank_order import rank_order


def drawn_vectors(count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(count // 20 + 1, 256))
    scatter = rng.normal(size=(count, 256)) * rng.uniform(0.2, 1.2, (count, 1))
    vectors = centres[rng.integers(0, len(centres), count)] + scatter
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def path_length(vectors: np.ndarray, order: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(vectors[order], axis=0), axis=1).sum(dtype=np.float64))


def nearest_neighbour_chain(vectors: np.ndarray) -> np.ndarray:
    left, here, path = np.ones(len(vectors), bool), 0, [0]
    left[0] = False
    for _ in range(len(vectors) - 1):
        near = vectors @ vectors[here]
        near[~left] = -np.inf
        here = int(near.argmax())
        left[here] = False
        path.append(here)
    return np.array(path)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    method = "exhaustive" if sys.argv[2:] == ["exhaustive"] else "fast"
    vectors = drawn_vectors(count)
    keys = [number.to_bytes(4, "big") for number in range(count)]
    start = time.process_time()
    length = path_length(vectors, rank_order(vectors, keys=keys, method=method))
    middle = time.process_time()
    print(f"{method}: {count} photos, {middle - start:.1f} CPU s, length {length:.1f}")
    chain = path_length(vectors, nearest_neighbour_chain(vectors))
    print(f"plain chain: {time.process_time() - middle:.1f} CPU s, length {chain:.1f}; ratio {length / chain:.3f}")


if __name__ == "__main__":
    main()
