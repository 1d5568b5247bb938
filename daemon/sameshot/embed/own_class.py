"""A class of the owner's own as an encoder: any Python that turns pictures into features.

Comes in: `module:Class`, how its pixels are prepared, and upright uint8 pictures, never a path of the owner's. Goes
out: unit vectors. Features come from the class's `embed`, else from its `forward`, for a batch of float32
(n, 3, side, side): a tensor where the class is a module of torch, else an ndarray. A dataset of the owner's own, made
with the folder in which the batch lies as files, may read the pictures instead: it has `root_dir`, `x` (the paths),
`num_samples`, `__len__`, `read_image`, and `__getitem__`, which gives (path, image).

Refuses, with one sentence, what cannot be made, what gives other vectors than it gave when it was made ready, and
features of an unknown shape. It is trusted: this runs while an encoder is made, and in the trusted process, and nowhere
else.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sameshot.embed.serving import evenly_lit
from sameshot.errors import BadInput, SameshotError

Pictures = Sequence[NDArray[np.uint8]]
_DATASET_HAS = ("root_dir", "x", "num_samples", "__len__", "read_image", "__getitem__")
_TINY = np.float32(1e-6)
"""Added to each feature, as in served_graph: a vector of zeros has no direction."""


@dataclass(frozen=True, slots=True)
class OwnClass:
    """What is run and how. `source`, `dataset`: `module:Class`. `device`: `cpu` or `cuda`, for a module of torch."""

    source: str
    dataset: str | None
    side_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    light: str
    embedding_size: int | None
    device: str


def made(source: str) -> Any:
    """An object of the class that `source` names. Raises BadInput when it cannot be had."""
    try:
        thing = _class_of(source)()
    except Exception as error:  # whatever the owner's code raises
        raise BadInput(f"{source} cannot be made: {_told(error)}", "Can Python import it?") from error
    return thing


def is_torch(thing: Any) -> bool:
    """Whether it is a module of torch; torch is not loaded to find that out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def code_digest(own: OwnClass) -> str:
    """SHA-256 of the files that hold the class and its dataset."""
    digest = hashlib.sha256()
    for source in filter(None, (own.source, own.dataset)):
        file = inspect.getsourcefile(_class_of(source))
        digest.update(b"" if file is None else Path(file).read_bytes())
    return digest.hexdigest()


def state_digest(thing: Any) -> str:
    """SHA-256 of the weights of a module of torch, else of all arrays and modules that the object holds by name."""
    digest = hashlib.sha256()
    for name, value in [("", thing)] if is_torch(thing) else sorted(getattr(thing, "__dict__", {}).items()):
        if isinstance(value, np.ndarray):
            digest.update(f"{name} {value.dtype} {value.shape}\n".encode() + np.ascontiguousarray(value).tobytes())
        elif is_torch(value):
            from sameshot.embed import torch_models  # noqa: PLC0415 - whoever has a module of torch has torch

            digest.update(f"{name} {torch_models.weights_digest(value)}\n".encode())
    return digest.hexdigest()


class OwnEncoder:
    """The class at work. Raises BadInput when it or its dataset cannot be made, or its device is not there."""

    def __init__(self, own: OwnClass) -> None:
        self.own, self.model = own, made(own.source)
        self._dataset = None if own.dataset is None else _dataset_class(own.dataset)
        self._run = _features_function(self.model, own)

    def embed(self, pictures: Pictures) -> NDArray[np.float32]:
        """The vectors of a batch of upright pictures, uint8 (h, w, 3) each: float32 (n, dimension), unit norm.

        Raises SameshotError when the owner's code fails, BadInput when its features are none.
        """
        try:
            images = self._prepared(pictures) if self._dataset is None else self._read(pictures)
            features = self._run(images)
        except SameshotError:
            raise
        except Exception as error:  # whatever the owner's code raises
            raise SameshotError(f"{self.own.source} failed: {_told(error)}") from error
        return self._unit(np.asarray(features), len(pictures))

    def _prepared(self, pictures: Pictures) -> NDArray[np.float32]:
        side = (self.own.side_px, self.own.side_px)
        squares = [cv2.resize(picture, side, interpolation=cv2.INTER_AREA) for picture in pictures]
        if self.own.light == "evened":
            squares = [evenly_lit(square) for square in squares]
        mean, std = np.array(self.own.mean, np.float32), np.array(self.own.std, np.float32)
        scaled = (np.stack(squares).astype(np.float32) - mean) / std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def _read(self, pictures: Pictures) -> Any:
        """The batch as the owner's dataset reads it, from a folder that is gone afterwards, in the given order."""
        assert self._dataset is not None
        with tempfile.TemporaryDirectory(prefix="sameshot-batch-") as folder:
            paths = [os.path.join(folder, f"{place:03}.png") for place in range(len(pictures))]
            for path, picture in zip(paths, pictures, strict=True):
                cv2.imwrite(path, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
            dataset = self._dataset(folder)
            if missing := [name for name in _DATASET_HAS if not hasattr(dataset, name)]:
                raise BadInput(f"{self.own.dataset} has no {' and no '.join(missing)}", "Give it what a dataset has")
            if not len(dataset) == dataset.num_samples == len(paths):
                counts = f"{len(dataset)} (num_samples: {dataset.num_samples})"
                raise BadInput(f"{self.own.dataset} has {counts} pictures of {len(paths)}", "Let it read all of them")
            read = {str(path): image for path, image in (dataset[place] for place in range(len(paths)))}
        if set(read) != set(paths):
            raise BadInput(f"{self.own.dataset} gives other paths than it found in root_dir", "Give them as they are")
        images = [read[path] for path in paths]
        if all(type(image).__module__.partition(".")[0] == "torch" for image in images):
            return sys.modules["torch"].stack(images)
        return np.stack([np.asarray(image, np.float32) for image in images])

    def _unit(self, features: NDArray[Any], count: int) -> NDArray[np.float32]:
        """Features over places become their mean, all of it as served_graph does it."""
        fits = features.ndim in (2, 3, 4) and features.shape[0] == count and features.dtype.kind == "f"
        if not fits or features.size < 2 * count:
            raise BadInput(
                f"{self.own.source} gave {features.dtype} {features.shape} for {count} pictures",
                "Floats (n, size), (n, places, channels) or (n, channels, height, width) can be used",
            )
        vectors = features.astype(np.float32)
        vectors = vectors.mean((2, 3)) if vectors.ndim == 4 else vectors.mean(1) if vectors.ndim == 3 else vectors
        if (size := self.own.embedding_size) is not None:
            width = vectors.shape[1]
            if size > width:
                raise BadInput(
                    f"The features have {width} dimensions, fewer than embedding_size {size}", "Ask for less"
                )
            rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(width, size)))
            vectors = vectors @ rotation.astype(np.float32)
        vectors = vectors + _TINY
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(unit).all():
            raise BadInput(f"{self.own.source} gave features that are no numbers", "Mend it")
        return unit


def _features_function(model: Any, own: OwnClass) -> Callable[[Any], Any]:
    """What turns a batch of images into features: `embed`, else `forward`; a module of torch is only evaluated."""
    name = next((name for name in ("embed", "forward") if callable(getattr(model, name, None))), None)
    if name is None:
        raise BadInput(f"{own.source} has neither `embed` nor `forward`", "Give it one that takes a batch of pictures")
    if not is_torch(model):
        if own.device != "cpu":
            raise BadInput(f"{own.source} is no torch.nn.Module", "Leave device away: it knows best where it runs")
        run: Callable[[Any], Any] = getattr(model, name)
        return run
    torch = sys.modules["torch"]
    if own.device == "cuda" and not torch.cuda.is_available():
        raise BadInput("There is no device cuda here", "Leave device away")
    model.eval().to(own.device)
    function = model if name == "forward" else model.embed  # called as a module, so that its hooks are

    def evaluated(images: Any) -> Any:
        with torch.inference_mode():
            return function(torch.as_tensor(images).to(own.device)).float().cpu().numpy()

    return evaluated


def _class_of(source: str) -> Any:
    module, name = source.split(":")
    return getattr(importlib.import_module(module), name)


def _dataset_class(source: str) -> Any:
    try:
        return _class_of(source)
    except Exception as error:  # whatever the owner's code raises
        raise BadInput(f"{source} cannot be had: {_told(error)}", "Can Python import it?") from error


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
