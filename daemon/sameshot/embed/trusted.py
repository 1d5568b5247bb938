"""What the one trusted process serves: a class of the owner's own, or a network in batches or on a GPU.

Comes in: the recipe of an encoder, a JSON file that was written when it was made ready, and upright uint8 pictures.
Goes out: unit vectors, as many at a time as the recipe says. A recipe holds what tells one encoder from the next: the
code, the weights, and the vectors it gave for two pictures that everybody can draw. An encoder that is not that one any
more is refused with one sentence, so vectors of two encoders never come under one id.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sameshot.embed.own_class import OwnClass, OwnEncoder, Pictures, code_digest, state_digest
from sameshot.embed.served_graph import LIGHT_KEY, SIDE_KEY
from sameshot.embed.serving import evenly_lit
from sameshot.errors import BadInput, StateUnavailable

SUFFIX = ".json"
"""Of a recipe's file; what the workers serve ends in .onnx."""
_SAME_COSINE = 0.999
_CLOSE = 1e-3
_ALIKE = 1e-6
_MOST_DIMENSIONS = 1 << 15


@dataclass(frozen=True, slots=True)
class Recipe:
    """`own`: a class, or None where `file` is an ONNX file beside the recipe. `probe`: the vectors of `probes()`."""

    spec: str
    batch_size: int
    device: str
    probe: list[list[float]]
    own: dict[str, Any] | None = None
    code: str = ""
    state: str = ""
    file: str = ""

    def as_bytes(self) -> bytes:
        """The recipe's file."""
        return json.dumps(asdict(self), indent=1).encode()


class TrustedEncoder:
    """An encoder loaded for use in the trusted process."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        """Loads it. Raises BadInput or StateUnavailable when that cannot be done, or it is another by now."""
        self._recipe = recipe
        if recipe.own is None:
            self._encode = OnnxInBatches(folder / recipe.file, recipe.device).embed
        else:
            own = OwnEncoder(
                OwnClass(**{**recipe.own, "mean": tuple(recipe.own["mean"]), "std": tuple(recipe.own["std"])})
            )
            if (code_digest(own.own), state_digest(own.model)) != (recipe.code, recipe.state):
                raise self._another("its code or its weights changed")
            self._encode = own.embed
        cosines = (self._encode(probes()) * np.array(recipe.probe, np.float32)).sum(axis=1)
        if cosines.min() < _SAME_COSINE:
            raise self._another("it gives other vectors")

    def _another(self, why: str) -> BadInput:
        remedy = f"Make it ready again: sameshot models make '{self._recipe.spec}'"
        return BadInput(f"The encoder {self._recipe.spec} is not what it was when it was made: {why}", remedy)

    def embed(self, pictures: Pictures) -> NDArray[np.float32]:
        """The vectors of upright pictures, uint8 (h, w, 3) each: float32 (n, dimension), unit norm."""
        size = self._recipe.batch_size
        return np.concatenate([self._encode(pictures[at : at + size]) for at in range(0, len(pictures), size)])


class OnnxInBatches:
    """A served network that takes several pictures at once, on a processor or a GPU.

    Raises BadInput when the device is not there, StateUnavailable when the file cannot be loaded.
    """

    def __init__(self, file: Path | bytes, device: str) -> None:
        provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[device]
        if provider not in onnxruntime.get_available_providers():
            raise BadInput(
                "ONNX Runtime has no CUDA here", "Install onnxruntime-gpu in place of onnxruntime, or leave device away"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            source = file if isinstance(file, bytes) else str(file)
            self._session = onnxruntime.InferenceSession(source, options, providers=[provider])
        except Exception as error:  # its exceptions share no type
            raise StateUnavailable("The encoder cannot be loaded", "Make it again: sameshot models make") from error
        if provider not in self._session.get_providers():  # it falls back without a word
            raise BadInput("The GPU cannot be used by ONNX Runtime", "Check its driver, or leave device away")
        told = self._session.get_modelmeta().custom_metadata_map
        self._side_px, self._evens_light = int(told[SIDE_KEY]), told[LIGHT_KEY] == "evened"

    def embed(self, pictures: Pictures) -> NDArray[np.float32]:
        """The vectors of one batch, as `TrustedEncoder.embed`."""
        side = (self._side_px, self._side_px)
        squares = [cv2.resize(picture, side, interpolation=cv2.INTER_AREA) for picture in pictures]
        if self._evens_light:
            squares = [evenly_lit(square) for square in squares]
        vectors: NDArray[np.float32] = self._session.run(None, {"pixels": np.stack(squares)})[0]
        return vectors


def load(recipe_file: Path) -> TrustedEncoder:
    """The encoder of a recipe. Raises BadInput or StateUnavailable when it cannot serve."""
    try:
        recipe = Recipe(**json.loads(recipe_file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StateUnavailable(f"{recipe_file} cannot be read: {error}", "Make the encoder again") from error
    return TrustedEncoder(recipe, recipe_file.parent)


def probes() -> list[NDArray[np.uint8]]:
    """Two pictures that are the same everywhere: a gradient, and coarse noise."""
    across, down = np.meshgrid(np.arange(96), np.arange(64))
    gradient = np.stack([across * 2, down * 3, (across + down) * 1], axis=2).astype(np.uint8)
    blocks = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    return [gradient, blocks.repeat(8, axis=0).repeat(8, axis=1)]


def probed(encode: Any, what: str) -> NDArray[np.float32]:
    """The vectors of the probes, (2, dimension), once it is sure that they are the same at any time and in any company.

    Raises BadInput when they are not, or say nothing about a picture.
    """
    pictures = probes()
    vectors: NDArray[np.float32] = encode(pictures)
    if vectors.shape[1] > _MOST_DIMENSIONS:
        raise BadInput(f"{what} gives {vectors.shape[1]:,} numbers", "Ask for fewer, as embedding_size=256")
    if not np.isfinite(vectors).all():
        raise BadInput(f"{what} gives features that are no numbers", "Its weights may be damaged, or its mean and std")
    if np.abs(vectors[0] - vectors[1]).max() < _ALIKE:
        raise BadInput(f"{what} gives two very different pictures the same vector", "It tells no photo from another")
    for again, how in (
        (encode(pictures), "every time"),
        (np.concatenate([encode([picture]) for picture in pictures]), "beside others than alone"),
    ):
        if again.shape != vectors.shape or np.abs(again - vectors).max() > _CLOSE:
            raise BadInput(f"{what} gives a picture another vector {how}", "An encoder gives one picture one vector")
    return vectors
