"""What owners who speak of real photos teach: which are followed, and is what they say later decided better for it?

    python benchmarks/night/owners.py PHOTOS WORK

PHOTOS holds labels.csv; photos of one scene that are no certain shot are labelled ambiguous, and there owners differ.
An owner speaks of some pairs of a shortlist, as owners do: of those whose score is not clear and of those that were
decided against him. Judged is by all pairs of scenes of which he never spoke.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from photos import labelled, pixels_of

from sameshot.compare.pair_score import score_pair
from sameshot.compare.thresholds import LINK_THRESHOLD, SHORTLIST_COSINE
from sameshot.describe.descriptors import describe
from sameshot.embed.encoders import prepare
from sameshot.embed.serving import Encoder
from sameshot.learn.sameness import SaidPairs, learn_shift, shifted_threshold
from sameshot.model import Capture, Features


@dataclass
class Pairs:
    scores: np.ndarray
    scenes: np.ndarray
    """Of the first photo."""
    same_group: np.ndarray
    same_scene: np.ndarray
    certain: np.ndarray


def scored(folder: Path, work: Path) -> Pairs:
    kept = work / "owners.pickle"  # only ever written here, and read back
    if not kept.exists():
        encoder = Encoder(prepare("lite0", work))
        rows, features = [], []
        for row in labelled(folder, ambiguous=True):
            pixels = pixels_of(folder / row["path"], 512)
            if pixels is not None:
                rows.append(row)
                features.append(
                    Features(encoder.embed(pixels), describe(pixels), Capture(), pixels.shape[1], pixels.shape[0])
                )
        vectors = np.stack([one.vector for one in features])
        first, second = np.nonzero(np.triu(vectors @ vectors.T, 1) >= SHORTLIST_COSINE)
        pairs = list(zip(first, second, strict=True))
        kept.write_bytes(
            pickle.dumps(
                Pairs(
                    np.array([score_pair(features[a], features[b]).score for a, b in pairs]),
                    np.array([rows[a]["scene"] for a, _ in pairs]),
                    np.array([rows[a]["group"] == rows[b]["group"] for a, b in pairs]),
                    np.array([rows[a]["scene"] == rows[b]["scene"] for a, b in pairs]),
                    np.array([not rows[a]["tier"].startswith("amb") and not rows[b]["tier"].startswith("amb")
                              for a, b in pairs]),
                )
            )
        )  # fmt: skip
    return pickle.loads(kept.read_bytes())


OWNERS: dict[str, Callable[[Pairs, np.random.Generator], np.ndarray]] = {
    "as labelled": lambda pairs, _: pairs.same_group,
    "all of a scene": lambda pairs, _: pairs.same_scene,
    "by chance": lambda pairs, rng: rng.random(len(pairs.scores)) < 0.5,
    "contrary": lambda pairs, _: ~pairs.same_group,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("work", type=Path)
    wanted = parser.parse_args()
    cv2.setNumThreads(1)
    pairs = scored(wanted.photos, wanted.work)
    unclear = (pairs.scores > 0.02) & (pairs.scores < 0.98)
    print(f"{len(pairs.scores)} pairs, {unclear.sum()} of them unclear, {pairs.same_scene.sum()} of one scene")
    print("| owner | words, sets | taken | shift | threshold | right before | right after |")
    for name, owner in OWNERS.items():
        for seed in range(3):
            rng = np.random.default_rng(seed)
            together = owner(pairs, rng)
            scenes = np.unique(pairs.scenes)
            spoken = np.isin(pairs.scenes, rng.choice(scenes, len(scenes) // 2, replace=False))
            wrong = (pairs.scores >= LINK_THRESHOLD) != together
            said = np.flatnonzero(spoken & (wrong | unclear))
            said = rng.permutation(said)[:120]
            sets = np.unique(pairs.scenes[said], return_inverse=True)[1]
            photos = 1.0 + np.bincount(sets)[sets]
            words = SaidPairs(pairs.scores[said], together[said], sets.astype(np.int64), photos)
            silent = np.delete(pairs.scores, said)
            shift, told = learn_shift(words, silent, LINK_THRESHOLD)
            threshold = shifted_threshold(LINK_THRESHOLD, shift) if told.wins else LINK_THRESHOLD
            before, after = ((pairs.scores[~spoken] >= at) == together[~spoken] for at in (LINK_THRESHOLD, threshold))
            print(f"| {name} | {told.words}, {told.sets} | {'yes' if told.wins else 'no'} | {shift:+.2f} "
                  f"| {threshold:.3f} | {before.mean():.4f} | {after.mean():.4f} | {told.why}")  # fmt: skip


if __name__ == "__main__":
    main()
