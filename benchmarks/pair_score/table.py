"""Makes the table of pairs that `fit.py` fits on: `python benchmarks/pair_score/table.py PHOTOS_DIR table.csv`.

Comes in: a folder of photos that all show different things. Goes out: one row for each pair with the scores that
`compare/` sees, the kind of pair, and whether it is one shot. No picture is kept.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import cv2
import numpy as np
import variants

from sameshot.compare.pair_score import evidence_of
from sameshot.describe.descriptors import LONG_SIDE_PX, describe
from sameshot.embed.encoders import prepare
from sameshot.embed.serving import Encoder
from sameshot.model import Capture, Features

SEED = 20261121
EDITS_PER_PHOTO = 3
LOWEST_COSINE = 0.45
NEGATIVES = 7000
PUBLISHERS = 12
SCORES = (
    "cosine", "inliers", "share", "spread", "overlay", "overlay_patches", "frame", "frame_patches", "phash",
)  # fmt: skip
COLUMNS = ("kind", "same", "photo", *SCORES)
LONG_SIDE_DRAWN_PX = 640


def main(photos: Path, target: Path, models: Path) -> None:
    encoder = Encoder(prepare("lite0", models))
    cv2.setNumThreads(1)

    def features(picture: variants.Pixels) -> Features:
        small = variants.resized(picture, LONG_SIDE_PX) if max(picture.shape) > LONG_SIDE_PX else picture
        return Features(encoder.embed(small), describe(small), Capture(), small.shape[1], small.shape[0])

    pictures = [cv2.imread(str(path))[:, :, ::-1] for path in sorted(photos.iterdir())]
    pictures = [variants.resized(picture, LONG_SIDE_DRAWN_PX) for picture in pictures]
    rows: list[dict[str, object]] = []
    everything: list[tuple[int, Features]] = []
    rng = np.random.default_rng(SEED)
    edits = [kind for kind in variants.KINDS if kind.startswith("edit")]
    frames = [kind for kind in variants.KINDS if not kind.startswith("edit")]
    for photo, picture in enumerate(pictures):
        original = features(picture)
        everything.append((photo, original))
        for kind in (*frames, *rng.choice(edits, EDITS_PER_PHOTO, replace=False)):
            passer = pictures[int(rng.integers(len(pictures)))]
            one, other = variants.frames(str(kind), picture, passer, rng)
            first = original if one is picture else features(one)
            second = features(other)
            everything += [(photo, second)]
            rows.append(row(str(kind), first, second, photo=photo, same=True))
        halves = np.array_split(picture, 2, axis=int(rng.integers(2)))
        rows.append(row("halves", *map(features, halves), photo=photo, same=False))
        stranger = pictures[(photo + 1) % len(pictures)]
        for kind, shared in (("stamp", variants.stamped), ("window", variants.windowed)):
            together = [features(shared(each, photo % PUBLISHERS)) for each in (picture, stranger)]
            rows.append(row(kind, *together, photo=photo, same=False))
        pages = [features(variants.page(rng, photo % PUBLISHERS)) for _ in range(2)]
        rows.append(row("page", *pages, photo=photo, same=False))
    rows += strangers(everything, rng)
    with target.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def strangers(everything: list[tuple[int, Features]], rng: np.random.Generator) -> list[dict[str, object]]:
    """Pairs of different photos that a shortlist would bring: half by chance, half those that look most alike."""
    photos = np.array([photo for photo, _ in everything])
    vectors = np.array([features.vector for _, features in everything])
    cosines = np.triu(vectors @ vectors.T, 1) * (photos[:, None] != photos[None])
    first, second = np.nonzero(cosines >= LOWEST_COSINE)
    alike = np.argsort(-cosines[first, second])[: NEGATIVES // 2]
    chance = rng.permutation(len(first))[: NEGATIVES // 2]
    chosen = [("alike", at) for at in alike] + [("stranger", at) for at in set(chance) - set(alike)]
    return [
        row(kind, everything[first[at]][1], everything[second[at]][1], photo=int(photos[first[at]]), same=False)
        for kind, at in chosen
    ]


def row(kind: str, first: Features, second: Features, *, photo: int, same: bool) -> dict[str, object]:
    """One line of the table."""
    evidence = evidence_of(first, second)
    return {"kind": kind, "same": int(same), "photo": photo, **{name: f"{evidence[name]:.4f}" for name in SCORES}}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3] if len(sys.argv) > 3 else "build/models"))
