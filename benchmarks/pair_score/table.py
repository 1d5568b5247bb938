"""Makes the table of pairs that `fit.py` fits on: `python benchmarks/pair_score/table.py PHOTOS_DIR`.

Comes in: a folder of photos that all show different things. Goes out: one row for each pair with the scores that
`compare/` sees, the kind of pair, and whether it is one shot. No picture is kept. What is described of each stays
beside the models, so that a new score is asked of the same pictures in a minute.
"""

from __future__ import annotations

import csv
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import variants

from sameshot.compare.pair_score import evidence_of
from sameshot.describe.descriptors import LONG_SIDE_PX, describe
from sameshot.embed.encoders import prepare
from sameshot.embed.serving import Encoder
from sameshot.model import Capture, Features

HERE = Path(__file__).parent
SEED = 20261121
EDITS_PER_PHOTO = 4
LOWEST_COSINE = 0.45
NEGATIVES = 7000
PUBLISHERS = 12
COLUMNS = ("kind", "same", "photo")
LONG_SIDE_DRAWN_PX = 560

Pair = tuple[str, bool, int, Features, Features]
"""Kind, whether it is one shot, the photo's number, the two."""


def main(photos: Path, target: Path, models: Path) -> None:
    kept = models / "pair_score_pairs.pickle"  # only ever written here, and read back
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(list(drawn_pairs(photos, models))))
    pairs: list[Pair] = pickle.loads(kept.read_bytes())
    rows = [row(kind, one, other, photo=photo, same=same) for kind, same, photo, one, other in pairs + strangers(pairs)]
    with target.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def drawn_pairs(photos: Path, models: Path) -> Iterator[Pair]:
    """What `variants.py` makes of each photo. What is drawn depends on the photo's number and the others' pictures."""
    encoder = Encoder(prepare("lite0", models))
    cv2.setNumThreads(1)

    def features(picture: variants.Pixels) -> Features:
        small = variants.resized(picture, LONG_SIDE_PX) if max(picture.shape) > LONG_SIDE_PX else picture
        return Features(encoder.embed(small), describe(small), Capture(), small.shape[1], small.shape[0])

    pictures = [cv2.imread(str(path))[:, :, ::-1] for path in sorted(photos.iterdir())]
    pictures = [variants.resized(picture, LONG_SIDE_DRAWN_PX) for picture in pictures]
    edits = [kind for kind in variants.KINDS if kind.startswith("edit")]
    frames = [kind for kind in variants.KINDS if not kind.startswith("edit")]
    for photo, picture in enumerate(pictures):
        rng = np.random.default_rng((SEED, photo))
        original = features(picture)
        for kind in (*frames, *map(str, rng.choice(edits, EDITS_PER_PHOTO, replace=False))):
            passer = pictures[int(rng.integers(len(pictures)))]
            one, other = variants.frames(kind, picture, passer, rng)
            yield kind, True, photo, original if one is picture else features(one), features(other)
        stranger = pictures[(photo + 1) % len(pictures)]
        publisher = photo % PUBLISHERS
        apart = {
            "halves": np.array_split(picture, 2, axis=int(rng.integers(2))),
            "beside": variants.beside(picture, rng),
            "stamp": [variants.stamped(each, publisher) for each in (picture, stranger)],
            "window": [variants.windowed(each, publisher) for each in (picture, stranger)],
            "soft-apart": [variants.noisy(variants.soft(each, rng), 2, rng) for each in (picture, stranger)],
            "page": [variants.page(rng, publisher) for _ in range(2)],
        }
        for kind, (one, other) in apart.items():
            yield kind, False, photo, features(one), features(other)


def strangers(pairs: list[Pair]) -> list[Pair]:
    """list[Pair] of different photos that a shortlist would bring: half by chance, half those that look most alike."""
    of_photos = [(photo, one) for _, same, photo, *both in pairs if same for one in both]
    photos = np.array([photo for photo, _ in of_photos])
    vectors = np.array([features.vector for _, features in of_photos])
    cosines = np.triu(vectors @ vectors.T, 1) * (photos[:, None] != photos[None])
    first, second = np.nonzero(cosines >= LOWEST_COSINE)
    alike = np.argsort(-cosines[first, second])[: NEGATIVES // 2]
    chance = np.random.default_rng(SEED).permutation(len(first))[: NEGATIVES // 2]
    chosen = [("alike", at) for at in alike] + [("stranger", at) for at in sorted(set(chance) - set(alike))]
    return [
        (kind, False, int(photos[first[at]]), of_photos[first[at]][1], of_photos[second[at]][1]) for kind, at in chosen
    ]


def row(kind: str, first: Features, second: Features, *, photo: int, same: bool) -> dict[str, object]:
    """One line of the table."""
    evidence = {name: value for name, value in evidence_of(first, second).items() if name != "moment"}
    return {
        "kind": kind,
        "same": int(same),
        "photo": photo,
        **{name: f"{value:.4f}" for name, value in evidence.items()},
    }


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "table.csv",
        Path(sys.argv[3] if len(sys.argv) > 3 else "build/models"),
    )
