"""Clusters vectors in a process of its own, so that scikit-learn is never loaded where photos are waited for.

Comes in: a folder with `vectors.npy` (float32 (n, dimension), unit norm) and `request.json` (keys in hex, the known
group of each as a number, methods, what the grid of parameters has other than by default), for a large collection
`alike.npy` (int64 (pairs, 2), places that look alike). Goes out: `candidates.json` there: the rows, the best first, the
labels of the best, and why the measures lead away from what is known, if they do. Run as
`python -P -m sameshot.group.selection_job FOLDER`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

from sameshot.group.clusterers import DEFAULT_GRID
from sameshot.group.selection import reasons, select


def main(words: Sequence[str]) -> int:
    """Does one request; returns the exit code."""
    os.nice(10)
    folder = Path(words[0])
    request = json.loads((folder / "request.json").read_text("utf-8"))
    vectors = np.load(folder / "vectors.npy", allow_pickle=False)
    keys = [bytes.fromhex(key) for key in request["keys"]]
    known = request["known"]
    alike = np.load(folder / "alike.npy", allow_pickle=False) if (folder / "alike.npy").exists() else None
    candidates = select(vectors, keys, request["methods"], {**DEFAULT_GRID, **request["grid"]}, alike)
    rows = [
        {
            "name": one.name,
            "parameters": dict(one.parameters),
            "clusters": one.clusters,
            "alone": one.alone,
            "scores": one.scores,
            "ranks": one.ranks,
            "excluded": one.excluded,
            "agreement": None if one.labels is None else float(adjusted_rand_score(known, one.labels)),
        }
        for one in candidates
    ]
    best = candidates[0].labels if candidates and candidates[0].ranks else None
    found = {"rows": rows, "labels": [] if best is None else best.tolist(), "why": reasons(candidates, known)}
    (folder / "candidates.json").write_text(json.dumps(found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
