"""What photos are on the wire between the service and its workers: requests, answers, and the command of a worker.

Comes in: values of `model`, or messages of a worker that may have been taken over by the photo it read. Goes out: the
other one. A reader here trusts nothing: types, lengths, ranges and finiteness are checked, and BadMessage says what is
wrong. Digests are hex, vectors little-endian float32, descriptors raw bytes, paths surrogateescape text.
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from sameshot.model import Capture, Features, Identity, Look, PairScore, Quality
from sameshot.service.message import BadMessage, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_Number = TypeVar("_Number", int, float)

_DIMENSION_LIMIT = 1 << 14
_SIDE_LIMIT_PX = 1 << 24
_TEXT_LIMIT = 1000
_DESCRIPTOR_LIMIT_BYTES = 4 << 20
_CAPTURE_FIELDS = dict.fromkeys(field.name for field in fields(Capture))
_FLOATS = {"f_number", "exposure_time_s", "iso", "exposure_bias_ev", "focal_length_mm", "focus_distance_m"}


def worker_command(models_dir: Path, *, makes_models: bool = False) -> list[str]:
    """The command of a worker process that reads models in `models_dir`; with `makes_models` it may also write them."""
    # -P: a module of the folder one happens to stand in is never imported.
    command = [sys.executable, "-P", "-m", "sameshot.worker", "--models", str(models_dir)]
    return [*command, "--makes-models"] if makes_models else command


# ---------------------------------------------------------------- encoder


@dataclass(frozen=True, slots=True)
class EncoderHeader:
    """Where a worker finds the encoder that serves; the same facts as embed's EncoderFile, without its libraries.

    Where `path` is no ONNX file but a recipe, the trusted process makes the vectors, see `wire/embedding.py`.
    """

    encoder_id: str
    path: Path
    dimension: int

    @property
    def is_trusted(self) -> bool:
        """Whether the trusted process serves it, and no worker."""
        return self.path.suffix == ".json"

    def as_json(self) -> dict[str, Any]:
        """The "encoder" of a request "look"."""
        return {"encoder_id": self.encoder_id, "path": str(self.path), "dimension": self.dimension}

    @classmethod
    def from_json(cls, header: Mapping[str, Any]) -> Self:
        """What `as_json` wrote, or what "prepare" answered. Raises BadMessage."""
        dimension = _number(header, "dimension", int, 1, _DIMENSION_LIMIT)
        return cls(_text(header, "encoder_id"), Path(_text(header, "path", 5000)), dimension)


# ---------------------------------------------------------------- identity


def identity_to_message(identity: Identity) -> Message:
    """The answer to "identify"."""
    digests = {"digest": identity.digest.hex(), "pixel_digest": identity.pixel_digest.hex()}
    return Message({**digests, "format": identity.format})


def identity_from_message(message: Message) -> Identity:
    """What "identify" answered. Raises BadMessage."""
    _check_buffers(message, 0)
    header = message.header
    return Identity(_digest(header, "digest"), _digest(header, "pixel_digest"), _text(header, "format", 32))


# ---------------------------------------------------------------- look


def look_request(encoder: EncoderHeader) -> Message:
    """The request "look"; the photo's bytes come by descriptor, and nothing of its path."""
    return Message({"task": "look", "encoder": encoder.as_json()})


def look_to_message(look: Look) -> Message:
    """The answer to "look". Buffers: the vector, then the descriptors in the order of the names in the header."""
    header = {
        "width_px": look.width_px,
        "height_px": look.height_px,
        "format": look.format,
        "capture": _capture_to_json(look.capture),
        "quality": {name: float(value) for name, value in asdict(look.quality).items()},
        "encoder_id": look.encoder_id,
        "descriptors": list(look.descriptors),
    }
    return Message(header, (_vector_bytes(look.vector), *look.descriptors.values()))


def look_from_message(message: Message, dimension: int) -> Look:
    """What "look" answered, with a vector of unit norm and `dimension` values. Raises BadMessage."""
    header = message.header
    names = _names(header)
    _check_buffers(message, 1 + len(names))
    quality = _object(header, "quality")
    return Look(
        _number(header, "width_px", int, 1, _SIDE_LIMIT_PX),
        _number(header, "height_px", int, 1, _SIDE_LIMIT_PX),
        _text(header, "format", 32),
        _capture_from_json(_object(header, "capture")),
        Quality(
            _number(quality, "sharpness", float, -math.inf, math.inf),
            _number(quality, "brightness", float, 0, 1),
            _number(quality, "clipped", float, 0, 1),
        ),
        _text(header, "encoder_id"),
        _vector(message.buffers[0], dimension),
        _descriptors(names, message.buffers[1:]),
    )


# ---------------------------------------------------------------- one more vector


def vector_request(encoder: EncoderHeader) -> Message:
    """The request "vector": what one more encoder makes of a photo that was looked at; its bytes come by descriptor."""
    return Message({"task": "vector", "encoder": encoder.as_json()})


def vector_to_message(vector: NDArray[np.float32]) -> Message:
    """The answer to "vector"."""
    return Message({}, (_vector_bytes(vector),))


def vector_from_message(message: Message, dimension: int) -> NDArray[np.float32]:
    """What "vector" answered: float32 (dimension,), of unit norm. Raises BadMessage."""
    _check_buffers(message, 1)
    return _vector(message.buffers[0], dimension)


# ---------------------------------------------------------------- comparing


def features_to_buffers(features: Sequence[Features]) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """Header and buffers of a request "compare": the first one is to be compared with each of the others."""
    header, buffers = [], []
    for one in features:
        capture = _capture_to_json(one.capture)
        size = {"width_px": one.width_px, "height_px": one.height_px}
        header.append({**size, "capture": capture, "descriptors": list(one.descriptors)})
        buffers += [_vector_bytes(one.vector), *one.descriptors.values()]
    return {"features": header}, tuple(buffers)


def features_from_message(message: Message) -> list[Features]:
    """What `features_to_buffers` packed. Raises BadMessage."""
    left = list(message.buffers)
    features = []
    for header in message.header.get("features", ()):
        names = _names(header)
        if len(left) < 1 + len(names):
            raise BadMessage("too few buffers")
        vector, *packed = (left.pop(0) for _ in range(1 + len(names)))
        sides = (_number(header, name, int, 1, _SIDE_LIMIT_PX) for name in ("width_px", "height_px"))
        capture = _capture_from_json(_object(header, "capture"))
        descriptors = _descriptors(names, packed)
        features.append(Features(_vector(vector, len(vector) // 4), descriptors, capture, *sides))
    if left or not features:
        raise BadMessage("buffers and features do not match")
    return features


def scores_to_message(scores: Sequence[PairScore]) -> Message:
    """The answer to "compare"."""
    as_json = [
        {"score": float(pair.score), "evidence": {name: float(value) for name, value in pair.evidence.items()}}
        for pair in scores
    ]
    return Message({"scores": as_json})


def scores_from_message(message: Message, count: int) -> list[PairScore]:
    """What "compare" answered about `count` candidates, in their order. Raises BadMessage."""
    _check_buffers(message, 0)
    scores = message.header.get("scores")
    if not isinstance(scores, list) or len(scores) != count:
        raise BadMessage(f"scores are not those of {count} pairs")
    return [_score(pair) for pair in scores]


def _score(pair: object) -> PairScore:
    if not isinstance(pair, dict):
        raise BadMessage("a score is no object")
    evidence = _object(pair, "evidence")
    measured = {name: _number(evidence, name, float, -math.inf, math.inf) for name in evidence}
    return PairScore(_number(pair, "score", float, 0, 1), measured)


# ---------------------------------------------------------------- capture


def _capture_to_json(capture: Capture) -> dict[str, Any]:
    known = {name: value for name in _CAPTURE_FIELDS if (value := getattr(capture, name)) is not None}
    if capture.taken_at is not None:
        known["taken_at"] = capture.taken_at.isoformat()
    return known


def _capture_from_json(header: Mapping[str, Any]) -> Capture:
    if not header.keys() <= _CAPTURE_FIELDS.keys():
        raise BadMessage("a capture with unknown fields")
    known: dict[str, Any] = dict(header)
    for name in known.keys() & {"camera", "software"}:
        known[name] = _text(header, name)
    for name in known.keys() & {"utc_offset_minutes", "rating"}:
        known[name] = _number(header, name, int, -(1 << 31), 1 << 31)
    for name in known.keys() & _FLOATS:
        known[name] = _number(header, name, float, -math.inf, math.inf)
    if "taken_at" in known:
        known["taken_at"] = _moment(_text(header, "taken_at", 40))
    return Capture(**known)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadMessage("taken_at is no time") from error
    if moment.tzinfo is not None:
        raise BadMessage("taken_at has a zone")
    return moment


# ---------------------------------------------------------------- fields


def _text(header: Mapping[str, Any], name: str, limit: int = _TEXT_LIMIT) -> str:
    value = header.get(name)
    if not isinstance(value, str) or len(value) > limit:
        raise BadMessage(f"{name} is no text of at most {limit} characters")
    return value


def _object(header: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = header.get(name)
    if not isinstance(value, dict):
        raise BadMessage(f"{name} is no object")
    return value


def _number(header: Mapping[str, Any], name: str, kind: type[_Number], least: float, most: float) -> _Number:
    """An int or a finite float within bounds; a float may be written as an int."""
    value = header.get(name)
    if type(value) is int and kind is float and abs(value) < 1 << 53:
        value = float(value)
    if type(value) is not kind or not math.isfinite(value) or not least <= value <= most:
        raise BadMessage(f"{name} is no {kind.__name__} from {least} to {most}")
    return value


def _digest(header: Mapping[str, Any], name: str) -> bytes:
    text = _text(header, name, 64)
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise BadMessage(f"{name} is no SHA-256")
    return bytes.fromhex(text)


def _names(header: Mapping[str, Any]) -> list[str]:
    names = header.get("descriptors")
    if not isinstance(names, list) or not all(isinstance(name, str) and name.isidentifier() for name in names):
        raise BadMessage("descriptors are no names")
    if len(set(names)) < len(names):
        raise BadMessage("a descriptor comes twice")
    return names


def _descriptors(names: Sequence[str], buffers: Sequence[bytes]) -> dict[str, bytes]:
    if any(len(buffer) > _DESCRIPTOR_LIMIT_BYTES for buffer in buffers):
        raise BadMessage("a descriptor is too large")
    return dict(zip(names, buffers, strict=True))


def _vector_bytes(vector: NDArray[np.float32]) -> bytes:
    return vector.astype("<f4").tobytes()


def _vector(buffer: bytes, dimension: int) -> NDArray[np.float32]:
    """A copy of its own: (dimension,) float32, finite, of unit norm."""
    if not 1 <= dimension <= _DIMENSION_LIMIT or len(buffer) != 4 * dimension:
        raise BadMessage(f"a vector of {len(buffer)} bytes does not have {dimension} values")
    vector = np.frombuffer(buffer, "<f4").astype(np.float32)
    if not np.isfinite(vector).all() or abs(float(np.linalg.norm(vector.astype(np.float64))) - 1) > 1e-3:
        raise BadMessage("a vector is not of unit norm")
    return vector


def _check_buffers(message: Message, count: int) -> None:
    if len(message.buffers) != count:
        raise BadMessage(f"{len(message.buffers)} buffers instead of {count}")
