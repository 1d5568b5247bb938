"""Crops of labelled photos, split by scene: what the measurements of the night train with and judge by.

The folder needs `labels.csv` with the columns path, group, scene and tier.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sameshot.decode.picture import read_picture
from sameshot.describe.changes import CHANGES
from sameshot.errors import SameshotError


@dataclass(frozen=True)
class Crops:
    pixels: np.ndarray
    shots: list[int]
    held_out: list[bool]


def labelled(folder: Path, *, ambiguous: bool = False) -> list[dict[str, str]]:
    with (folder / "labels.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return [row for row in rows if ambiguous or not row["tier"].startswith("ambiguous")]


def pixels_of(path: Path, long_side_px: int) -> np.ndarray | None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_picture(descriptor, long_side_px).pixels
    except SameshotError:
        return None
    finally:
        os.close(descriptor)


def square(pixels: np.ndarray, side_px: int) -> np.ndarray:
    return np.asarray(cv2.resize(pixels, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)


def gather(folder: Path, side_px: int, held_share: float = 0.4, seed: int = 0) -> Crops:
    """Crops of every photo; of held-out scenes also those of its changed versions."""
    rows = labelled(folder)
    scenes = sorted({row["scene"] for row in rows})
    held_scenes = set(np.random.default_rng(seed).choice(scenes, int(len(scenes) * held_share), replace=False))
    groups = {group: number for number, group in enumerate(sorted({row["group"] for row in rows}))}
    crops, shots, held = [], [], []
    for row in rows:
        pixels = pixels_of(folder / row["path"], 512)
        if pixels is None:
            continue
        is_held = row["scene"] in held_scenes
        for made in (pixels, *((change(pixels) for change in CHANGES.values()) if is_held else ())):
            crops.append(square(made, side_px))
            shots.append(groups[row["group"]])
            held.append(is_held)
    return Crops(np.stack(crops), shots, held)
