"""A night's training as a process of its own: it reads cached crops, and returns a proposal that others may commit.

Comes in: a request, a JSON file. Goes out, in the request's folder: `report.json`, the candidate as `candidate.onnx`,
the loss curve `loss.svg`, and the checkpoint to go on from; a line of JSON on stdout for each epoch. Nothing that
serves is touched. The candidate is judged by held-out pictures against the encoder that serves, and against the same
network untrained: it must beat both. Run as `python -P -m sameshot.embed.training_job REQUEST`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sameshot.embed.autoencoders import Autoencoder
from sameshot.embed.encoders import EncoderFile
from sameshot.embed.judging import Judgement, average_precisions, judge
from sameshot.embed.loss_curve import picture
from sameshot.embed.served_graph import Preparation, serve
from sameshot.embed.serving import Encoder
from sameshot.embed.torch_models import embedding_of, export, weights_digest
from sameshot.embed.training import Progress, Settings, train, untrained
from sameshot.errors import BadInput, SameshotError
from sameshot.store.whole_file import write_whole

_MIDDLE = (127.5, 127.5, 127.5)


@dataclass(frozen=True, slots=True)
class Request:
    """`crops`: uint8 .npy (n, side, side, 3). `shots`, `held_out`: of each. `champion`: ONNX file and dimension.

    `kinds`: words for parts of the held-out pictures that are looked at by themselves, each with whether a crop is one.
    `models_dir`: where fetched weights are.
    """

    folder: str
    crops: str
    shots: list[int]
    held_out: list[bool]
    settings: dict[str, int | float | str]
    champion: tuple[str, int] | None = None
    force: bool = False
    kinds: dict[str, list[bool]] = field(default_factory=dict)
    models_dir: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Mean average precision of a part of the held-out pictures; `champion` is None where none serves."""

    of: str
    shots: int
    pictures: int
    untrained: float
    champion: float | None
    trained: float


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. `accepted`: it beats all that it was judged against; `why`: the sentence for people.

    `features_of`: whose features the loss compares, empty where it compares pixels. `curve`: (training, validation)
    loss of each epoch. `table`: the same comparison by parts, to look at; the judgements decide.
    """

    accepted: bool
    why: str
    encoder_id: str
    dimension: int
    epochs: int
    best_epoch: int
    ended: str
    against_untrained: Judgement
    against_champion: Judgement | None
    trained_on: int
    settings: dict[str, int | float | str]
    made_at: str
    features_of: str
    curve: list[tuple[float, float]]
    table: list[Row]


def run(request: Request) -> Report:
    """Trains, exports and judges. Raises BadInput when that cannot be done with this request."""
    folder = Path(request.folder)
    settings = Settings(**request.settings)  # type: ignore[arg-type]
    crops, held = np.load(request.crops, mmap_mode="r"), np.array(request.held_out, bool)
    shots = np.array(request.shots, np.int64)
    if not len(crops) == len(held) == len(shots):
        raise BadInput("The crops and what is known of them do not match", "Gather them anew")
    seen = np.ascontiguousarray(crops[~held])
    network, progress = train(
        settings, seen, folder / "checkpoint.pt",
        clock=time.monotonic, force=request.force, models_dir=Path(request.models_dir), tell=_tell,
    )  # fmt: skip
    candidate, dimension = _served(network, settings, folder / "candidate.onnx")
    unseen = crops[held]
    vectors = _vectors(candidate, dimension, unseen)
    before, _ = _served(untrained(settings, seen), settings, folder / "untrained.onnx")
    of_before, of_champion = _vectors(before, dimension, unseen), None
    against_untrained, against_champion = judge(of_before, vectors, shots[held]), None
    if request.champion is not None:
        path, size = request.champion
        of_champion = _vectors(Path(path), size, unseen)
        against_champion = judge(of_champion, vectors, shots[held])
    parts = {"all": np.ones(len(unseen), np.bool_)} | {of: np.array(one)[held] for of, one in request.kinds.items()}
    table = [_row(of, part, shots[held], of_before, of_champion, vectors) for of, part in parts.items()]
    accepted, why = _decision(against_untrained, against_champion)
    encoder_id = f"autoencoder-{settings.architecture}{settings.side_px}-{weights_digest(network)[:12]}-1"
    report = Report(
        accepted, why, encoder_id, dimension, len(progress.curve), progress.best_epoch, progress.ended,
        against_untrained, against_champion, len(seen), request.settings,
        datetime.now(UTC).isoformat(timespec="seconds"), progress.features_of, progress.curve, table,
    )  # fmt: skip
    write_whole(folder / "loss.svg", picture(progress.curve).encode())
    write_whole(folder / "report.json", json.dumps(asdict(report), indent=1).encode())
    return report


def _decision(against_untrained: Judgement, against_champion: Judgement | None) -> tuple[bool, str]:
    if against_champion is not None and not against_champion.wins:
        return False, f"dropped: against the one that serves, {against_champion.why}"
    if not against_untrained.wins:
        return False, f"dropped: against the same network untrained, {against_untrained.why}"
    if against_champion is None:
        return True, f"taken: against the same network untrained, {against_untrained.why}"
    return True, f"taken: against the one that served, {against_champion.why}"


def _row(
    of: str,
    part: NDArray[np.bool_],
    shots: NDArray[np.int64],
    before: NDArray[np.float32],
    champion: NDArray[np.float32] | None,
    trained: NDArray[np.float32],
) -> Row:
    def mean(vectors: NDArray[np.float32]) -> float:
        found = average_precisions(vectors[part], shots[part])
        return round(float(np.nanmean(found)), 4) if np.isfinite(found).any() else 0.0

    known = np.isfinite(average_precisions(trained[part], shots[part]))
    count = len(np.unique(shots[part][known]))
    serving = None if champion is None else mean(champion)
    return Row(of, count, int(known.sum()), mean(before), serving, mean(trained))


def _served(network: Autoencoder, settings: Settings, path: Path) -> tuple[Path, int]:
    model = export(embedding_of(network), settings.side_px)
    content, dimension = serve(model, Preparation(settings.side_px, _MIDDLE, _MIDDLE))
    write_whole(path, content)
    return path, dimension


def _vectors(path: Path, dimension: int, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    encoder = Encoder(EncoderFile("", path, dimension))
    return np.stack([encoder.embed(crop) for crop in crops]) if len(crops) else np.zeros((0, dimension), np.float32)


def _tell(progress: Progress) -> None:
    epoch, losses = len(progress.curve), progress.curve[-1] if progress.curve else (0.0, 0.0)
    print(json.dumps({"epoch": epoch, "training": losses[0], "validation": losses[1]}), flush=True)


def main(words: Sequence[str]) -> int:
    """Does one request; returns the exit code."""
    os.nice(10)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        run(Request(**json.loads(Path(words[0]).read_text("utf-8"))))
    except SameshotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"The training cannot go on: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
