"""Does an autoencoder that was trained on real photos beat the same network untrained? And is a spoilt night refused?

    python benchmarks/night/autoencoder.py PHOTOS WORK [--minutes 5] [--loss mse] [--architecture plain] [--spoil noise]

PHOTOS holds labels.csv. Held-out scenes are never trained on; each held-out photo comes with its changed versions.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from photos import gather

from sameshot.embed.training_job import Request

SPOILT = {
    "noise": lambda pictures: np.random.default_rng(0).integers(0, 256, pictures.shape, np.uint8),
    "blur": lambda pictures: np.stack([cv2.GaussianBlur(picture, (0, 0), 8) for picture in pictures]),
}


def run(folder: Path, request: Request) -> dict:
    (folder / "request.json").write_text(json.dumps(asdict(request)))
    command = [sys.executable, "-P", "-m", "sameshot.embed.training_job", str(folder / "request.json")]
    began_s = time.monotonic()
    subprocess.run(command, check=True, stdout=(folder / "epochs.jsonl").open("w"))
    report = json.loads((folder / "report.json").read_text())
    cpu_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    return report | {"seconds": round(time.monotonic() - began_s), "cpu_seconds_of_all_runs": round(cpu_s)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--loss", default="mse")
    parser.add_argument("--architecture", default="plain")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--spoil", choices=SPOILT, help="then train on spoilt pictures, against the one just trained")
    parser.add_argument("--spoilt-epochs", type=int, default=5)
    wanted = parser.parse_args()
    crops = gather(wanted.photos, 64)
    folder = wanted.work / f"{wanted.architecture}-{wanted.loss}"
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "crops.npy", crops.pixels)
    settings = {
        "budget_s": wanted.minutes * 60, "loss": wanted.loss, "architecture": wanted.architecture,
        "epochs": wanted.epochs,
    }  # fmt: skip
    request = Request(str(folder), str(folder / "crops.npy"), crops.shots, crops.held_out, settings)
    print(json.dumps(run(folder, request), indent=1))
    if wanted.spoil:
        night = wanted.work / wanted.spoil
        night.mkdir(exist_ok=True)
        spoilt = SPOILT[wanted.spoil](crops.pixels)
        held = np.array(crops.held_out)
        spoilt[held] = crops.pixels[held]
        np.save(night / "crops.npy", spoilt)
        champion = (str(folder / "candidate.onnx"), 128)
        short = settings | {"epochs": wanted.spoilt_epochs}
        request = Request(str(night), str(night / "crops.npy"), crops.shots, crops.held_out, short, champion)
        print(json.dumps(run(night, request), indent=1))


if __name__ == "__main__":
    main()
