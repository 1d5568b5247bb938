"""An autoencoder of the owner's own photos, trained now; it serves only if it is better than what serves.

Comes in: the config, the locations, how to train. Goes out: a report. Everything happens beside a running service: the
store is only read, the training is a process of its own at low priority, and what it proposes takes over by one
replaced file. A running service goes over to it by itself, in the background.
By night run as `python -P -m sameshot.verbs.train train CONFIG STATE_DIR CACHE_DIR BUDGET_S`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from sameshot.app import Progress, open_app
from sameshot.config import LoadedConfig, load_with_sources, without_file
from sameshot.config_keys import Training
from sameshot.embed.cards import Card, read_card, succeed
from sameshot.embed.spec import parse
from sameshot.errors import BadInput, SameshotError, StateUnavailable
from sameshot.locations import Locations
from sameshot.service.chore import be_a_chore
from sameshot.store.whole_file import write_whole
from sameshot.way.crops import Crops, gather


@dataclass(frozen=True, slots=True)
class TrainResult:
    """`taken`: whether it serves from now on as `encoder: autoencoder`. `report`, `curve`: files that tell more.

    `features_of`: whose features the loss compared, empty for pixels. `table`: mean average precision of held-out
    pictures, by parts: of, shots, pictures, untrained, champion (None where none served), trained.
    """

    taken: bool
    why: str
    encoder_id: str
    photos: int
    epochs: int
    best_epoch: int
    ended: str
    features_of: str
    table: tuple[dict[str, Any], ...]
    report: Path
    curve: Path


def train(
    loaded: LoadedConfig,
    locations: Locations,
    progress: Progress,
    *,
    budget: timedelta | None = None,
    force: bool = False,
    **wanted: Any,
) -> TrainResult:
    """Trains, judges and, where it is better, puts the new autoencoder in place. `force`: begin anew.

    `wanted`: keys of the config's section `train` that are otherwise this once; those that are None are as it says.
    Raises BadInput when one cannot be so, there are too few photos or torch is not installed, StateUnavailable without
    a state.
    """
    how = _how(loaded.config.train, wanted)
    with open_app(loaded, locations, progress, verb="train", writing=False) as app:
        crops = gather(app, how.side_px, how.most_photos)
    folder = locations.state_dir / "training" / f"{how.architecture}{how.side_px}-{how.loss}"
    time = loaded.config.schedule.train.budget if budget is None else budget
    settings = how.model_dump(exclude={"most_photos", "perceptual_model"})
    settings |= {"perceptual_model": how.perceptual_model or "", "budget_s": time.total_seconds()}
    champion = read_card(locations.models_dir, parse("autoencoder").key)
    report = _trained(folder, crops, settings, champion, locations.models_dir, how.epochs, progress, force=force)
    if report["accepted"]:
        _take(folder, report, locations.models_dir)
    facts = {name: report[name] for name in ("why", "encoder_id", "epochs", "best_epoch", "ended", "features_of")}
    return TrainResult(
        report["accepted"],
        photos=report["trained_on"],
        table=tuple(report["table"]),
        report=folder / "report.json",
        curve=folder / "loss.svg",
        **facts,
    )


def _how(config: Training, wanted: dict[str, Any]) -> Training:
    changed = {name: value for name, value in wanted.items() if value is not None}
    try:
        return Training.model_validate(config.model_dump() | changed)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise BadInput(f"{name} cannot be {first['input']!r}: {first['msg']}", "`sameshot train --help`") from error


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
            "kinds": {
                "photos as they are": [not changed for changed in crops.changed],
                "what you put together or apart": list(crops.spoken_of),
            },
            "models_dir": str(models_dir),
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
            raise BadInput("torch is not installed, and training needs it", "Install the extra: pip install '.[night]'")
        sentence = told.splitlines()[-1] if told else f"it ended with status {job.returncode}"
        raise (BadInput if job.returncode == BadInput.exit_code else SameshotError)(f"Nothing was trained: {sentence}")
    report: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    return report


def _take(folder: Path, report: dict[str, Any], models_dir: Path) -> None:
    """The one atomic switch."""
    spec = parse("autoencoder")
    file = f"{report['encoder_id']}.onnx"
    try:
        curve = f"{report['encoder_id']}.svg"
        models_dir.mkdir(parents=True, exist_ok=True)
        write_whole(models_dir / curve, (folder / "loss.svg").read_bytes())
        facts = {name: report[name] for name in ("why", "settings", "trained_on", "curve")} | {"loss_curve": curve}
        made_at = report["made_at"]
        card = Card(spec.text, report["encoder_id"], file, report["dimension"], made_at, facts)
        succeed(models_dir, spec.key, card, (folder / "candidate.onnx").read_bytes())
    except OSError as error:
        raise StateUnavailable(f"The model cannot be written: {error.strerror}", "Make room or give access") from error


def main(words: Sequence[str]) -> int:
    """Trains as the night does; returns the exit code."""
    be_a_chore()
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
