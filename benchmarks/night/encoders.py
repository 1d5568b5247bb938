"""What each encoder whose weights a package ships finds, and what it costs: which one is the default.

Comes in: a folder of photos with `labels.csv` (path, group, scene, tier). Goes out: for each encoder the share of the
pairs of one shot, changed and turned ones too, that lie above the cosine that 0.5 % of all pairs of different
scenes pass, and the milliseconds of one thread for one picture.
`python benchmarks/night/encoders.py FOLDER`
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from photos import labelled, pixels_of

from sameshot.describe.changes import CHANGES
from sameshot.embed.encoders import prepare, table
from sameshot.embed.serving import Encoder

_PASSED_BY_STRANGERS = 0.005


def pictures(folder: Path, seed: int = 0) -> tuple[list[np.ndarray], list[str], list[str]]:
    """Every photo and one change of it, with groups and scenes."""
    chance = np.random.default_rng(seed)
    shown, groups, scenes = [], [], []
    changes = [*CHANGES.values(), np.rot90, lambda pixels: np.rot90(pixels, 2)]
    for row in labelled(folder):
        pixels = pixels_of(folder / row["path"], 512)
        if pixels is None:
            continue
        change = changes[chance.integers(len(changes))]
        for made in (pixels, np.ascontiguousarray(change(pixels))):
            shown.append(made)
            groups.append(row["group"])
            scenes.append(row["scene"])
    return shown, groups, scenes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    shown, groups, scenes = pictures(parser.parse_args().folder)
    first, second = np.triu_indices(len(shown), 1)
    one, scene = np.array(groups), np.array(scenes)
    same, apart = one[first] == one[second], scene[first] != scene[second]
    print(f"{len(shown):,} pictures, {same.sum():,} pairs of one shot, {apart.sum():,} of different scenes")
    with tempfile.TemporaryDirectory() as models:
        for name in table():
            encoder = Encoder(prepare(name, Path(models)))
            started_s = time.process_time()
            vectors = np.stack([encoder.embed(pixels) for pixels in shown])
            milliseconds = 1000 * (time.process_time() - started_s) / len(shown)
            cosines = (vectors @ vectors.T)[first, second]
            floor = np.quantile(cosines[apart], 1 - _PASSED_BY_STRANGERS)
            print(f"{name}: recall {(cosines[same] > floor).mean():.4f} above {floor:.3f}, {milliseconds:.1f} ms")


if __name__ == "__main__":
    main()
