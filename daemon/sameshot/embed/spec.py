"""An encoder as the config names it: `lite0`, `torchvision:resnet50?depth=2`, `onnx:/models/own.onnx?mean=0&std=255`.

Comes in: that text. Goes out: what kind of encoder it is, what it is made from, and its options as numbers and words.
Refuses unknown kinds and options, and values that no option can have, with one sentence. What must stand in the config
to make an encoder again stands in this one value, so two configs that say the same name the same encoder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl

from sameshot.errors import BadInput

Kind = Literal["torchvision", "onnx", "custom", "autoencoder"]
LARGEST_SIDE_PX = 1024
_LARGEST_VECTOR = 1 << 14
_LARGEST_BATCH = 64
_CLASS = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """`text`: as it was written. `source`: the architecture, the file's path, or `module:Class`."""

    text: str
    kind: Kind
    source: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A file name for what is made from this, the same for the same wish."""
        return hashlib.sha256(repr((self.kind, self.source, sorted(self.options.items()))).encode()).hexdigest()[:16]

    @property
    def is_batched(self) -> bool:
        """Whether it asks for what the trusted process does: several pictures at once, or on a device."""
        return not self.options.keys().isdisjoint({"batch_size", "device"})


def parse(text: str) -> EncoderSpec:
    """Reads what the config says. Raises BadInput when it cannot be an encoder."""
    head, mark, tail = text.rpartition("?")
    if not mark or "=" not in tail:
        head, tail = text, ""
    prefix, _, rest = head.partition(":")
    kind: Kind = prefix if prefix in get_args(Kind) and prefix != "custom" else "custom"  # type: ignore[assignment]
    source = head if kind == "custom" else rest
    if kind == "custom" and not re.fullmatch(_CLASS, source):
        raise BadInput(f"There is no encoder named {text!r}", _KNOWN)
    if kind == "torchvision" and not re.fullmatch(r"[a-z][a-z0-9_]*", source):
        raise BadInput(f"{text!r} names no architecture", "Write it as torchvision:resnet50")
    if kind == "autoencoder" and source:
        raise BadInput(f"{text!r} is no encoder", "Write `autoencoder` alone: it is the one that was trained here")
    if kind == "onnx":
        source = _absolute(source, text)
    return EncoderSpec(text, kind, source, _options(kind, text, tail))


def _absolute(place: str, text: str) -> str:
    path = Path(place).expanduser()
    if not place or not path.is_absolute():
        raise BadInput(f"{text!r} does not say where the file is", "Write its whole path, as onnx:/home/me/own.onnx")
    return str(path)


def _options(kind: Kind, text: str, tail: str) -> dict[str, Any]:
    readers = _OPTIONS[kind]
    options: dict[str, Any] = {}
    for name, value in parse_qsl(tail, keep_blank_values=True):
        if name not in readers:
            known = f"Known here: {', '.join(sorted(readers))}" if readers else "It takes none"
            raise BadInput(f"{text!r} has an option {name!r} that means nothing", known)
        if name in options:
            raise BadInput(f"{text!r} says {name} twice", "Leave one of them")
        try:
            options[name] = readers[name](value)
        except ValueError as error:
            raise BadInput(f"{text!r}: {name} {error}", "Change the config") from None
    return options


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}, not {value!r}")
        return int(value)

    return read


def _channels(value: str) -> tuple[float, float, float]:
    """One number for all three channels, or three."""
    parts = [float(part) for part in value.split(",")] if re.fullmatch(r"[-+.,\deE]+", value) else []
    if len(parts) not in (1, 3):
        raise ValueError(f"must be one number or three, as 123.7,116.3,103.5, not {value!r}")
    red, green, blue = parts * (3 // len(parts))
    return red, green, blue


def _spread(value: str) -> tuple[float, float, float]:
    spread = _channels(value)
    if 0 in spread:
        raise ValueError("must not be 0")
    return spread


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be {' or '.join(words)}, not {value!r}")
        return value

    return read


def _text(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _class(value: str) -> str:
    if not re.fullmatch(_CLASS, value):
        raise ValueError(f"must be a class, as module:Class, not {value!r}")
    return value


_SIDE, _SIZE = _whole(16, LARGEST_SIDE_PX), _whole(2, _LARGEST_VECTOR)
_LIGHT = _one_of("evened", "as-taken")
_BATCHED: Mapping[str, Callable[[str], Any]] = {
    "batch_size": _whole(1, _LARGEST_BATCH), "device": _one_of("cpu", "cuda"),
}  # fmt: skip
_OPTIONS: Mapping[Kind, Mapping[str, Callable[[str], Any]]] = {
    "torchvision": {
        "weights": _text, "depth": _whole(0, 400), "embedding_size": _SIZE, "input_size": _SIDE, "light": _LIGHT,
        **_BATCHED,
    },
    "onnx": {
        "mean": _channels, "std": _spread, "input_size": _SIDE, "channels": _one_of("rgb", "bgr"), "output": _text,
        "embedding_size": _SIZE, "light": _LIGHT, **_BATCHED,
    },
    "custom": {
        "mean": _channels, "std": _spread, "input_size": _SIDE, "embedding_size": _SIZE, "light": _LIGHT,
        "dataset": _class, **_BATCHED,
    },
    "autoencoder": {},
}  # fmt: skip
_KNOWN = "Choose lite0, lite1, lite2, torchvision:NAME, onnx:PATH, module:Class or autoencoder"
