"""Trains an autoencoder on small pictures, in epochs that can end at any time and go on later.

Comes in: settings, and crops uint8 (n, side, side, 3). Goes out: the network as it was at its best, and the curve of
its losses. It learns to draw a picture as it was from one that was moved, turned, lit or roughened a little (a
denoising autoencoder: Vincent et al., 2008), so that its latent keeps what such changes leave. Each epoch draws its
chances from the seed and its number alone: on a CPU, a training that was interrupted and resumed ends in the same
weights as one that was not. After each epoch everything is in the checkpoint, under the signature of what it was
trained with.

Refuses too few pictures, settings that no training has, and checkpoints of other settings or pictures.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import pickle
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from sameshot.embed.autoencoders import Autoencoder, build
from sameshot.embed.perceptual import Loss, perceptual_loss
from sameshot.embed.serving import evenly_lit
from sameshot.errors import BadInput
from sameshot.store.whole_file import write_whole

FEWEST_CROPS = 32
_VALIDATION = 0.1
_VERSION = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train. `patience`: epochs without a better validation loss after which it ends.

    `perceptual_model`: whose features the perceptual loss compares; VGG19 or Lite0 where it is empty.
    """

    architecture: str = "plain"
    side_px: int = 64
    latent: int = 128
    channels: int = 16
    loss: Literal["mse", "mae", "perceptual"] = "mse"
    perceptual_model: str = ""
    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 2e-3
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    scheduler: Literal["constant", "cosine", "step"] = "cosine"
    patience: int = 12
    seed: int = 0
    device: str = "cpu"
    budget_s: float = 1800.0

    def signature(self, crops: NDArray[np.uint8]) -> str:
        """What decides the weights: two trainings with one signature need no second run."""
        decided = {name: value for name, value in asdict(self).items() if name not in ("device", "budget_s")}
        text = json.dumps([_VERSION, decided, crops.shape], sort_keys=True)
        return hashlib.sha256(text.encode() + np.ascontiguousarray(crops).tobytes()).hexdigest()


@dataclass(slots=True)
class Progress:
    """A training so far. `curve`: (training loss, validation loss) of each epoch. `ended`: why, empty while it goes.

    `features_of`: whose features the loss compares, empty where it compares pixels.
    """

    signature: str
    network: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    best: dict[str, torch.Tensor]
    features_of: str = ""
    curve: list[tuple[float, float]] = field(default_factory=list)
    ended: str = ""

    @property
    def best_epoch(self) -> int:
        """The epoch with the least validation loss, counted from 1; 0 before the first."""
        losses = [validation for _, validation in self.curve]
        return losses.index(min(losses)) + 1 if losses else 0


def train(
    settings: Settings,
    crops: NDArray[np.uint8],
    checkpoint: Path,
    *,
    clock: Callable[[], float],
    force: bool = False,
    models_dir: Path = Path(),
    tell: Callable[[Progress], None] = lambda _: None,
) -> tuple[Autoencoder, Progress]:
    """Returns the network at its best, in evaluation mode on the CPU, and how it went.

    Goes on from `checkpoint` where that fits, and does nothing more where it had ended; with `force` begins anew.
    `models_dir`: where fetched weights are.
    Raises BadInput when it cannot be trained so, OSError when the checkpoint cannot be written.
    """
    if len(crops) < FEWEST_CROPS:
        raise BadInput(f"{len(crops)} pictures are too few to train with", f"{FEWEST_CROPS} are the least")
    network = build(settings.architecture, settings.side_px, settings.latent, settings.channels, settings.seed)
    device = _usable(settings.device)
    pictures = prepared(crops, settings.side_px)
    loss, features_of = _loss(settings, device, models_dir)
    network.to(device)
    optimizer = _OPTIMIZERS[settings.optimizer](network.parameters(), lr=settings.learning_rate)
    progress = None if force else read_checkpoint(checkpoint, settings.signature(crops))
    if progress is None:
        weights = _copied(network)
        progress = Progress(settings.signature(crops), weights, optimizer.state_dict(), weights, features_of)
    else:
        network.load_state_dict(progress.network)
        optimizer.load_state_dict(progress.optimizer)
    progress.ended = "" if progress.ended == _TIME_WAS_OVER else progress.ended
    held = np.random.default_rng(settings.seed).permutation(len(pictures))
    cut = max(4, int(len(pictures) * _VALIDATION))
    until_s = clock() + settings.budget_s
    while not progress.ended:
        epoch = len(progress.curve)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _SCHEDULES[settings.scheduler](epoch / settings.epochs)
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + epoch)
        trained = _epoch(network, pictures[held[cut:]], settings, loss, generator, optimizer, lambda: clock() > until_s)
        if trained is None:  # the time was over within it: the checkpoint of the last whole epoch stays
            progress.ended = _TIME_WAS_OVER
            break
        generator = torch.Generator().manual_seed(settings.seed)  # the same chances each time, so that losses compare
        validated = _epoch(network, pictures[held[:cut]], settings, loss, generator)
        assert validated is not None
        _note(progress, network, optimizer, (trained, validated), settings)
        tell(progress)
        if not progress.ended and clock() > until_s:
            progress.ended = _TIME_WAS_OVER
        write_whole(checkpoint, _packed(progress))
    network.load_state_dict(progress.best)
    return network.cpu().eval(), progress


def prepared(crops: NDArray[np.uint8], side_px: int) -> torch.Tensor:
    """Crops as the network sees them when it serves: evenly lit, float (n, 3, side, side), -1..1."""
    if crops.ndim != 4 or crops.shape[1:] != (crops.shape[1], crops.shape[1], 3) or crops.shape[1] < side_px:
        raise BadInput(f"The pictures are {crops.shape[1:]}", f"Square ones of at least {side_px} px are needed")
    squares = [cv2.resize(crop, (side_px, side_px), interpolation=cv2.INTER_AREA) for crop in crops]
    lit = np.stack([evenly_lit(square) for square in squares])
    return torch.from_numpy(lit).permute(0, 3, 1, 2).float() / 127.5 - 1


def untrained(settings: Settings, crops: NDArray[np.uint8]) -> Autoencoder:
    """The same network with the weights that training began with, its latent centred on the same pictures."""
    network = build(settings.architecture, settings.side_px, settings.latent, settings.channels, settings.seed)
    with torch.no_grad():
        for batch in torch.split(prepared(crops, settings.side_px), 256):
            network.train().embed(batch)
    return network.eval()


def read_checkpoint(path: Path, signature: str) -> Progress | None:
    """What was trained so far, or None where that is nothing, or of other settings or pictures, or unreadable."""
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        progress = Progress(**kept)
    except (OSError, RuntimeError, EOFError, TypeError, ValueError, KeyError, pickle.UnpicklingError):
        return None
    return progress if progress.signature == signature else None


def _epoch(
    network: Autoencoder,
    pictures: torch.Tensor,
    settings: Settings,
    loss: Loss,
    generator: torch.Generator,
    optimizer: torch.optim.Optimizer | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> float | None:
    """The mean loss of one pass, which trains where an optimizer is given; None when the time was over within it."""
    network.train(optimizer is not None)
    order = torch.randperm(len(pictures), generator=generator)
    total = 0.0
    for batch in torch.split(order, settings.batch_size):
        if len(batch) < 2 and optimizer is not None:
            continue  # one picture alone has no spread to normalise by
        if is_over():
            return None
        wanted = pictures[batch]
        given = _changed(wanted, generator).to(settings.device)
        with torch.set_grad_enabled(optimizer is not None):
            value = loss(network(given), wanted.to(settings.device))
        if optimizer is not None:
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        total += float(value.detach()) * len(batch)
    return total / len(pictures)


def _changed(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each picture moved, turned, enlarged, lit and roughened a little, by chance."""
    count = len(pictures)

    def between(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    angle, zoom = between(-0.09, 0.09), between(0.8, 1.0)
    turn = torch.stack(
        [
            torch.stack([zoom * angle.cos(), -zoom * angle.sin(), (1 - zoom) * between(-1, 1)], 1),
            torch.stack([zoom * angle.sin(), zoom * angle.cos(), (1 - zoom) * between(-1, 1)], 1),
        ],
        1,
    )
    grid = functional.affine_grid(turn, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    light = ((moved + 1) / 2).clamp(0, 1) ** between(0.7, 1.4, 1, 1, 1)
    rough = torch.randn(pictures.shape, generator=generator) * between(0, 0.06, 1, 1, 1)
    return (light * 2 - 1 + rough).clamp(-1, 1)


def _note(
    progress: Progress,
    network: Autoencoder,
    optimizer: torch.optim.Optimizer,
    losses: tuple[float, float],
    settings: Settings,
) -> None:
    progress.curve.append(losses)
    progress.network, progress.optimizer = _copied(network), optimizer.state_dict()
    if not all(map(math.isfinite, losses)):
        progress.curve.pop()
        progress.ended = "the loss is no number any more: the learning rate is too high"
    elif progress.best_epoch == len(progress.curve):
        progress.best = progress.network
    elif len(progress.curve) - progress.best_epoch >= settings.patience:
        progress.ended = f"no better for {settings.patience} epochs"
    if not progress.ended and len(progress.curve) == settings.epochs:
        progress.ended = "all epochs are done"


def _copied(network: Autoencoder) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def _packed(progress: Progress) -> bytes:
    stream = io.BytesIO()
    names = ("signature", "network", "optimizer", "best", "features_of", "curve", "ended")
    torch.save({name: getattr(progress, name) for name in names}, stream)
    return stream.getvalue()


def _usable(device: str) -> str:
    able = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not able.get(device):
        raise BadInput(f"There is no device {device!r} to train on", "Choose cpu")
    return device


def _loss(settings: Settings, device: str, models_dir: Path) -> tuple[Loss, str]:
    if settings.loss == "perceptual":
        return perceptual_loss(device, models_dir, settings.perceptual_model)
    return functional.mse_loss if settings.loss == "mse" else functional.l1_loss, ""


_TIME_WAS_OVER = "its time was over"
_OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
}
_SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "cosine": lambda done: 0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2,
    "step": lambda done: 0.3 ** int(3 * done),
}
