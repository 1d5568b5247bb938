"""How thin an overlap of a panorama's frames may be: `python overlaps.py MODELS [SETS] [SEED]`.

Draws sweeps of five frames, 600 px of a wide scene each, further on by 0.6, 0.65 and 0.7 of a frame, as they are and
with a sensor's noise; beside them series of five look-alikes of every kind that `benchmarks/quality/scenes.py` draws;
SETS of each (default 20), other ones for every SEED (default 0). Scores each frame with the next, as the service does
for a pair that is in the shortlist, and prints how many series are one whole panorama and how many hold any: by the
corners that agree alone (the evidence without `overlay`), and by all that the pair's evidence tells. MODELS: a folder
for the encoder, made ready on first use.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from sameshot.compare.pair_score import score_pair
from sameshot.compare.thresholds import SHORTLIST_COSINE
from sameshot.describe.descriptors import LONG_SIDE_PX, describe
from sameshot.embed.encoders import prepare
from sameshot.embed.serving import Encoder
from sameshot.group.frames import frames_of
from sameshot.group.sweeps import panoramas
from sameshot.model import Capture, Features, Link

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "quality"))
import scenes

import drawn

FRAMES, WIDTH_PX, HEIGHT_PX, APART_S = 5, 600, 400, 2.0
STEPS = (0.6, 0.65, 0.7)
START = datetime(2026, 5, 1, 10)  # noqa: DTZ001 - cameras write no zone


def looked_at(encoder: Encoder, picture: drawn.Pixels, number: int) -> Features:
    """What the service keeps of the picture as a JPEG, taken as frame `number` of its series."""
    stored = io.BytesIO()
    Image.fromarray(picture).save(stored, "JPEG", quality=90)
    pixels = np.asarray(Image.open(stored))
    height_px, width_px = pixels.shape[:2]
    smaller = min(1.0, LONG_SIDE_PX / max(height_px, width_px))
    size_px = round(width_px * smaller), round(height_px * smaller)
    pixels = np.asarray(cv2.resize(pixels, size_px, interpolation=cv2.INTER_AREA))
    capture = Capture(taken_at=START + timedelta(seconds=APART_S * number), camera="Bench")
    return Features(encoder.embed(pixels), describe(pixels), capture, *size_px)


def panoramas_of(encoder: Encoder, pictures: Sequence[drawn.Pixels]) -> tuple[list[int], list[int]]:
    """The lengths of the panoramas in a series, by corners alone and by all evidence."""
    looks = [looked_at(encoder, picture, number) for number, picture in enumerate(pictures)]
    links = {}
    for (first, one), (second, other) in pairwise(enumerate(looks)):
        if float(np.dot(one.vector, other.vector)) >= SHORTLIST_COSINE:
            pair = score_pair(one, other)
            links[first, second] = Link(first, second, pair.score, pair.evidence)
    by_corners = {
        pair: Link(*pair, link.score, {name: value for name, value in link.evidence.items() if name != "overlay"})
        for pair, link in links.items()
    }
    numbers = range(len(looks))
    frames = frames_of(
        {n: looks[n].capture for n in numbers}, dict.fromkeys(numbers, 0.5), {n: bytes([n]) for n in numbers}
    )
    corners, all_evidence = (
        [len(found) for found in panoramas(frames, lambda a, b, known=known: known.get((a, b)))]
        for known in (by_corners, links)
    )
    return corners, all_evidence


def main() -> None:
    models = Path(sys.argv[1])
    count, seed = (int(said) for said in (*sys.argv[2:], *("20", "0")[len(sys.argv) - 2 :]))
    cv2.setNumThreads(1)
    models.mkdir(exist_ok=True)
    encoder = Encoder(prepare("lite0", models))
    rng = np.random.default_rng([9, seed])
    series: dict[str, list[list[drawn.Pixels]]] = {}
    for number in range(seed * count, (seed + 1) * count):
        for step in STEPS:
            step_px = round(WIDTH_PX * step)
            wide = drawn.scene(80_000 + number, WIDTH_PX + step_px * (FRAMES - 1), HEIGHT_PX)
            frames = [wide[:, step_px * shot : step_px * shot + WIDTH_PX] for shot in range(FRAMES)]
            series.setdefault(f"on by {step}", []).append(frames)
            noisy = [np.clip(frame + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8) for frame in frames]
            series.setdefault(f"on by {step}, noise", []).append(noisy)
    for number in range(seed * count, (seed + 1) * count):
        for kind in scenes.KINDS:
            shots = [scenes.draw(kind, 80_000 + number, shot) for shot in range(FRAMES)]
            series.setdefault("look-alikes", []).append(shots)
    print(f"{'series':<20}{'how many':>10}{'whole: corners':>16}{'all':>6}{'any: corners':>14}{'all':>6}")
    for name, drawn_so in series.items():
        found = [panoramas_of(encoder, pictures) for pictures in drawn_so]
        whole = [sum(lengths[way] == [FRAMES] for lengths in found) for way in (0, 1)]
        some = [sum(bool(lengths[way]) for lengths in found) for way in (0, 1)]
        print(f"{name:<20}{len(drawn_so):>10}{whole[0]:>16}{whole[1]:>6}{some[0]:>14}{some[1]:>6}")


if __name__ == "__main__":
    main()
