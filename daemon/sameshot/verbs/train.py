"""An autoencoder of the owner's own photos, trained now; it serves only if it is better than what serves.

Comes in: the config, the locations, how to train. Goes out: a report. Everything happens beside a running service: the
store is only read, the training is a process of its own at low priority, and what it proposes takes over by one
replaced file. A service takes it up when it is reloaded or started again.
By night run as `python -P -m sameshot.verbs.train train CONFIG STATE_DIR CACHE_DIR BUDGET_S`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sameshot.app import Progress, open_app
from sameshot.config import LoadedConfig, load_with_sources, without_file
from sameshot.embed.cards import Card, read_card, succeed
from sameshot.embed.spec import parse
from sameshot.errors import BadInput, SameshotError, StateUnavailable
from sameshot.locations import Locations
from sameshot.way.crops import Crops, gather

_MOST_PHOTOS = 4000


@dataclass(frozen=True, slots=True)
class TrainResult:
    """`taken`: whether it serves from now on as `encoder: autoencoder`. `report`, `curve`: files that tell more."""

    taken: bool
    why: str
    encoder_id: str
    photos: int
    epochs: int
    best_epoch: int
    ended: str
    report: Path
    curve: Path


def train(
    loaded: LoadedConfig,
    locations: Locations,
    progress: Progress,
    *,
    architecture: Literal["plain", "residual"] = "plain",
    loss: Literal["mse", "mae", "perceptual"] = "mse",
    side_px: int = 64,
    epochs: int = 60,
    budget: timedelta = timedelta(minutes=30),
    seed: int = 0,
    device: Literal["cpu", "cuda", "mps"] = "cpu",
    force: bool = False,
) -> TrainResult:
    """Trains, judges and, where it is better, puts the new autoencoder in place. `force`: begin anew.

    Raises BadInput when there are too few photos or torch is not installed, StateUnavailable without a state.
    """
    with open_app(loaded, locations, progress, verb="train", writing=False) as app:
        crops = gather(app, side_px, _MOST_PHOTOS)
    folder = locations.state_dir / "training" / f"{architecture}{side_px}-{loss}"
    settings = {
        "architecture": architecture, "loss": loss, "side_px": side_px, "epochs": epochs,
        "budget_s": budget.total_seconds(), "seed": seed, "device": device,
    }  # fmt: skip
    champion = read_card(locations.models_dir, parse("autoencoder").key)
    report = _trained(folder, crops, settings, champion, locations.models_dir, epochs, progress, force=force)
    if report["accepted"]:
        _take(folder, report, locations.models_dir)
    facts = {name: report[name] for name in ("why", "encoder_id", "epochs", "best_epoch", "ended")}
    return TrainResult(
        report["accepted"],
        photos=report["trained_on"],
        report=folder / "report.json",
        curve=folder / "loss.svg",
        **facts,
    )


def _trained(
    folder: Path,
    crops: Crops,
    settings: dict[str, Any],
    champion: Card | None,
    models_dir: Path,
    epochs: int,
    progress: Progress,
    *,
    force: bool,
) -> dict[str, Any]:
    """What the training process reports."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sameshot-train-") as temporary:
        np.save(Path(temporary) / "crops.npy", crops.pixels)
        request = {
            "folder": str(folder),
            "crops": f"{temporary}/crops.npy",
            "shots": list(crops.shots),
            "held_out": list(crops.held_out),
            "settings": settings,
            "champion": None if champion is None else [str(models_dir / champion.file), champion.dimension],
            "force": force,
        }
        (Path(temporary) / "request.json").write_text(json.dumps(request), "utf-8")
        command = [sys.executable, "-P", "-m", "sameshot.embed.training_job", f"{temporary}/request.json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
            assert job.stdout is not None
            assert job.stderr is not None
            for line in job.stdout:
                progress("training", json.loads(line)["epoch"], epochs)
            told = job.stderr.read().strip()
    if job.returncode:
        if "No module named 'torch" in told:
            raise BadInput(
                "torch is not installed, and training needs it", "Install the extra: pip install '.[night]'"
            )
        sentence = told.splitlines()[-1] if told else f"it ended with status {job.returncode}"
        raise (BadInput if job.returncode == BadInput.exit_code else SameshotError)(f"Nothing was trained: {sentence}")
    report: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    return report


def _take(folder: Path, report: dict[str, Any], models_dir: Path) -> None:
    """The one atomic switch."""
    spec = parse("autoencoder")
    file = f"{report['encoder_id']}.onnx"
    try:
        facts = {"why": report["why"], "settings": report["settings"], "trained_on": report["trained_on"]}
        made_at = report["made_at"]
        card = Card(spec.text, report["encoder_id"], file, report["dimension"], made_at, facts)
        succeed(models_dir, spec.key, card, (folder / "candidate.onnx").read_bytes())
    except OSError as error:
        raise StateUnavailable(f"The model cannot be written: {error.strerror}", "Make room or give access") from error


def main(words: Sequence[str]) -> int:
    """Trains as the night does; returns the exit code."""
    os.nice(10)
    _, config, state_dir, cache_dir, budget_s = words
    try:
        loaded = load_with_sources(Path(config)) if config else without_file()
        locations = Locations(Path(state_dir), Path(cache_dir))
        train(loaded, locations, lambda *_: None, budget=timedelta(seconds=float(budget_s)))
    except SameshotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
