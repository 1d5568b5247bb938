"""Makes the table of pairs that `fit.py` fits on: `python benchmarks/pair_score/table.py [--only DIR]`.

Comes in: nothing, or a folder of photos that all show different things. Goes out: one row for each pair with the scores
that `compare/` sees, the kind of pair, the number of its photo, and whether it is one shot. The photos are those of
photos.txt, which `photos.py` fetches out of Debian packages, or those of the folder. No picture is kept beside the
table, and the same photos give the same table.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, lru_cache, partial
from pathlib import Path

import cv2
import lookalikes
import numpy as np
import photos
import variants
from rich.progress import track

from sameshot.compare.pair_score import evidence_of
from sameshot.compare.thresholds import SHORTLIST_COSINE
from sameshot.describe.descriptors import LONG_SIDE_PX, describe
from sameshot.embed.encoders import prepare
from sameshot.embed.serving import Encoder
from sameshot.model import Capture, Features

SEED = 20261121
EDITS_PER_PHOTO = 4
LOWEST_COSINE = SHORTLIST_COSINE - 0.05
NEGATIVES = 3000
MOST_OF_A_PHOTO = 40
LONG_SIDE_DRAWN_PX = 560
FEWEST_PHOTOS = 8
DRAWN_APART = 1200
"""Pairs of charts, and of patterns: what they have in common by chance is told by how often it is."""
PAIRED = 124
"""Pairs are made of the first photos; those beyond only stand in their pictures, pass by and lend a backdrop."""

Pair = tuple[str, bool, int, Features, Features]
"""Kind, whether it is one shot, the photo's number, the two."""


def main(folder: Path, paired: int, drawn: int, target: Path, models: Path) -> None:
    sources = sorted(folder.iterdir())
    if len(sources) < FEWEST_PHOTOS:
        sys.exit(f"{len(sources)} photos; {FEWEST_PHOTOS} are needed, for others stand in each one's pictures")
    prepare("lite0", models)
    jobs = len(os.sched_getaffinity(0)) + 1
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), partial(cv2.setNumThreads, 1)) as pool:
        made = pool.map(partial(_of_photo, sources, models), range(paired))
        pairs = [pair for some in track(made, "Photos", paired) for pair in some]
        pairs += strangers(pairs)
        count = drawn * len(lookalikes.DRAWN)
        made_apart = pool.map(partial(_drawn_apart, models), range(count), chunksize=20)
        pairs += track(made_apart, "Charts and patterns", count)
        rows = list(track(pool.map(_row, pairs, chunksize=100), "Pairs", len(pairs)))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _drawn_apart(models: Path, number: int) -> Pair:
    number, at = divmod(number, len(lookalikes.DRAWN))
    kind = lookalikes.DRAWN[at]
    one, other = lookalikes.drawn_pair(kind, np.random.default_rng((SEED, number * len(lookalikes.DRAWN) + at)))
    return kind, False, number, _features(_encoder(models), one), _features(_encoder(models), other)


def _of_photo(sources: list[Path], models: Path, photo: int) -> list[Pair]:
    return list(drawn_pairs(sources, photo, _encoder(models)))


@cache
def _encoder(models: Path) -> Encoder:
    return Encoder(prepare("lite0", models))


@lru_cache(8)
def picture_of(source: Path) -> variants.Pixels:
    """The photo, its long side LONG_SIDE_DRAWN_PX."""
    return variants.resized(cv2.imread(str(source))[:, :, ::-1], LONG_SIDE_DRAWN_PX)


def drawn_pairs(sources: list[Path], photo: int, encoder: Encoder) -> Iterator[Pair]:
    """What `variants.py` and `lookalikes.py` make of a photo; it depends on its number and the others' pictures."""
    features = partial(_features, encoder)
    rng = np.random.default_rng((SEED, photo))
    edits = [kind for kind in variants.KINDS if kind.startswith("edit")]
    frames = [kind for kind in variants.KINDS if not kind.startswith("edit")]
    others = rng.permutation([number for number in range(len(sources)) if number != photo])
    picture, stranger, place, *passers = (picture_of(sources[number]) for number in (photo, *others[:6]))
    original = features(picture)
    for kind in (*frames, *map(str, rng.choice(edits, EDITS_PER_PHOTO, replace=False))):
        one, other = variants.frames(kind, picture, passers[int(rng.integers(len(passers)))], rng)
        yield kind, True, photo, original if one is picture else features(one), features(other)
    for kind, (one, other) in lookalikes.pairs(picture, stranger, place, photo, rng).items():
        yield kind, False, photo, features(one), features(other)


def _features(encoder: Encoder, picture: variants.Pixels) -> Features:
    small = variants.resized(picture, LONG_SIDE_PX) if max(picture.shape) > LONG_SIDE_PX else picture
    return Features(encoder.embed(small), describe(small), Capture(), small.shape[1], small.shape[0])


def strangers(pairs: list[Pair]) -> list[Pair]:
    """list[Pair] of different photos that a shortlist would bring: half by chance, half those that look most alike.

    Plain pictures stay out: whatever they show, they would be all of the most alike.
    """
    of_photos = [(photo, one) for kind, same, photo, *both in pairs if same and kind != "plain" for one in both]
    photos = np.array([photo for photo, _ in of_photos])
    vectors = np.array([features.vector for _, features in of_photos])
    cosines = np.triu(vectors @ vectors.T, 1) * (photos[:, None] != photos[None])
    first, second = np.nonzero(cosines >= LOWEST_COSINE)
    alike = np.argsort(-cosines[first, second], kind="stable")[: NEGATIVES // 2]
    chance = np.random.default_rng(SEED).permutation(len(first))[: NEGATIVES // 2]
    chosen = [("alike", at) for at in alike] + [("stranger", at) for at in sorted(set(chance) - set(alike))]
    chosen = [chosen[at] for at in spread([int(photos[first[at]]) for _, at in chosen])]
    return [
        (kind, False, int(photos[first[at]]), of_photos[first[at]][1], of_photos[second[at]][1]) for kind, at in chosen
    ]


def spread(photos: list[int]) -> list[int]:
    """Which rows are kept so that no photo has more than MOST_OF_A_PHOTO: one dark night is like every other."""
    shuffled = np.random.default_rng(SEED).permutation(len(photos))
    kept: list[int] = []
    counts: Counter[int] = Counter()
    for at in map(int, shuffled):
        counts[photos[at]] += 1
        if counts[photos[at]] <= MOST_OF_A_PHOTO:
            kept.append(at)
    return sorted(kept)


def _row(pair: Pair) -> dict[str, object]:
    """One line of the table."""
    kind, same, photo, first, second = pair
    evidence = {name: f"{value:.4f}" for name, value in evidence_of(first, second).items() if name != "moment"}
    return {"kind": kind, "same": int(same), "photo": photo, **evidence}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=Path, help="a folder of photos that all show different things")
    parser.add_argument("--paired", type=int, default=PAIRED, help=f"how many pairs are made of: {PAIRED}")
    parser.add_argument("--target", type=Path, default=Path("build/table.csv"))
    parser.add_argument("--models", type=Path, default=Path("build/models"), help="where the encoder is built")
    given = parser.parse_args()
    folder = given.only or photos.fetched(Path("build/packages"))
    drawn = 0 if given.only else DRAWN_APART  # the same ones, which the committed table holds
    main(folder, min(given.paired, len(list(folder.iterdir()))), drawn, given.target, given.models)
