"""Does the clusterer that three measures choose without labels come near the best by the labels?

    python benchmarks/night/clusterers.py PHOTOS WORK [--seed 0]

PHOTOS holds labels.csv. Vectors are those of the default encoder. Agreement is the adjusted Rand index with the column
`group`, and the share of pairs put together that are of one group (precision) and the share found (recall).
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
from photos import labelled, pixels_of
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import pair_confusion_matrix

from sameshot.embed.encoders import prepare
from sameshot.embed.serving import Encoder
from sameshot.group.clusterers import CLUSTERERS, DEFAULT_GRID
from sameshot.group.selection import reasons, select

GRID = {
    "number_of_clusters": (10, 50, 100, 200, 300, 400),
    "max_iter": (200,),
    "eps": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    "min_samples": (2, 3, 5),
    "min_cluster_size": (2, 3, 5),
    "max_cluster_size": (None, 20),
}


def vectors_of(folder: Path, work: Path) -> tuple[np.ndarray, list[str], list[bytes]]:
    """Vectors, groups and digests of the labelled photos, computed once."""
    kept = work / "vectors.npz"
    if not kept.exists():
        encoder = Encoder(prepare("lite0", work))
        vectors, groups, digests = [], [], []
        for row in labelled(folder):
            pixels = pixels_of(folder / row["path"], 512)
            if pixels is not None:
                vectors.append(encoder.embed(pixels))
                groups.append(row["group"])
                digests.append(hashlib.sha256((folder / row["path"]).read_bytes()).hexdigest())
        np.savez(kept, vectors=np.stack(vectors), groups=np.array(groups), digests=np.array(digests))
    with np.load(kept) as found:
        keys = [bytes.fromhex(digest) for digest in found["digests"]]
        distinct = sorted(set(keys), key=keys.index)
        first = [keys.index(key) for key in distinct]  # exact copies are one content
        return found["vectors"][first], list(found["groups"][first]), distinct


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument(
        "--defaults", action="store_true", help="the grid of one value each that is used where none is given"
    )
    wanted = parser.parse_args()
    vectors, groups, keys = vectors_of(wanted.photos, wanted.work)
    rows = select(vectors, keys, list(CLUSTERERS), DEFAULT_GRID if wanted.defaults else GRID)
    print(f"{len(vectors)} contents, {len(set(groups))} groups")
    print("| | clusters | alone | silhouette | C-H | D-B | ranks | sum | ARI | precision | recall |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    best = 0.0
    for one in rows:
        name = f"{one.name} {' '.join(f'{key}={value}' for key, value in one.parameters.items() if key != 'max_iter')}"
        if one.labels is None or one.scores is None or one.ranks is None:
            print(f"| {name} | excluded: {one.excluded} |")
            continue
        agreement = adjusted_rand_score(groups, one.labels)
        (_, wrong), (missed, right) = pair_confusion_matrix(groups, one.labels)
        best = max(best, agreement)
        scores = " | ".join(f"{score:.3f}" for score in one.scores)
        ranks = "/".join(f"{rank:g}" for rank in one.ranks)
        print(
            f"| {name} | {one.clusters} | {one.alone} | {scores} | {ranks} | {one.total:g} | {agreement:.3f} "
            f"| {right / max(right + wrong, 1):.3f} | {right / max(right + missed, 1):.3f} |"
        )
    chosen = next(one for one in rows if one.ranks)
    print(f"chosen: {chosen.name} {dict(chosen.parameters)}, ARI {adjusted_rand_score(groups, chosen.labels):.3f}")
    print(f"best ARI of the grid: {best:.3f}")
    numbers = {group: number for number, group in enumerate(sorted(set(groups)))}
    print(*reasons(rows, [numbers[group] for group in groups]), sep="\n")


if __name__ == "__main__":
    main()
