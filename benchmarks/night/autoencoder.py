"""Does an autoencoder that was trained on real photos beat the same network untrained? And is a night of noise refused?

    python benchmarks/night/autoencoder.py PHOTOS WORK [--minutes 5] [--loss mse] [--architecture plain]

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

import numpy as np
from photos import gather

from sameshot.embed.training_job import Request


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
    parser.add_argument("--noise", action="store_true", help="then train on noise, against the one just trained")
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
    if wanted.noise:
        night = wanted.work / "noise"
        night.mkdir(exist_ok=True)
        noise = np.random.default_rng(0).integers(0, 256, crops.pixels.shape, np.uint8)
        held = np.array(crops.held_out)
        noise[held] = crops.pixels[held]
        np.save(night / "crops.npy", noise)
        champion = (str(folder / "candidate.onnx"), 128)
        short = settings | {"budget_s": min(wanted.minutes * 60, 180), "epochs": 5}
        request = Request(str(night), str(night / "crops.npy"), crops.shots, crops.held_out, short, champion)
        print(json.dumps(run(night, request), indent=1))


if __name__ == "__main__":
    main()
