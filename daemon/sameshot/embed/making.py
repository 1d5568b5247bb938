"""Makes an encoder ready to serve, once: torch or the owner's own code may run here, and no photo is ever read.

Comes in: an encoder as the config names it, and the folder for models. Goes out: an ONNX file and its card there, and
one line of JSON; on failure one sentence on stderr and exit code 2. Run as
`python -P -m sameshot.embed.making SPEC MODELS_DIR`, in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from sameshot.embed.cards import Card, write_card, write_whole
from sameshot.embed.served_graph import Preparation, input_side, serve
from sameshot.embed.spec import EncoderSpec, parse
from sameshot.errors import BadInput, SameshotError, StateUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSION = 1
"""Of all between pixels and vector that is decided in this project; part of each id."""


def make(spec: EncoderSpec, models_dir: Path) -> Card:
    """Makes the encoder and its card, over an earlier one of the same name.

    Raises BadInput when it cannot be made, StateUnavailable when the folder cannot be written.
    """
    if spec.kind == "autoencoder":
        raise BadInput("The autoencoder is not made, it is trained", "Run `sameshot train`")
    model, weights, preparation = _read_onnx(spec) if spec.kind == "onnx" else _from_torch(spec)
    content, dimension = serve(
        model, preparation, output=spec.options.get("output"), embedding_size=spec.options.get("embedding_size")
    )
    encoder_id = _encoder_id(spec, weights, preparation)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    prepared = {**asdict(preparation), "mean": list(preparation.mean), "std": list(preparation.std)}
    facts = {"weights_sha256": weights, "preparation": prepared}
    card = Card(spec.text, encoder_id, f"{encoder_id}.onnx", dimension, made_at, facts)
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        write_whole(models_dir / card.file, content)
        write_card(models_dir, spec.key, card)
    except OSError as error:
        raise StateUnavailable(f"The encoder cannot be written: {error}", "Make room or give access") from error
    return card


def _encoder_id(spec: EncoderSpec, weights: str, preparation: Preparation) -> str:
    """Architecture, weights, and a digest of all else that decides a vector."""
    name = Path(spec.source).stem if spec.kind == "onnx" else spec.source
    shape = {name: spec.options.get(name) for name in ("depth", "output", "embedding_size")}
    decided = json.dumps([_VERSION, asdict(preparation), shape], sort_keys=True)
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name)[:40]
    return f"{spec.kind}-{plain}-{weights[:12]}-{hashlib.sha256(decided.encode()).hexdigest()[:8]}"


def _read_onnx(spec: EncoderSpec) -> tuple[onnx.ModelProto, str, Preparation]:
    path = Path(spec.source)
    options = spec.options
    if missing := [name for name in ("mean", "std") if name not in options]:
        raise BadInput(
            f"How {path.name} wants its pixels is not said: {' and '.join(missing)} missing",
            f"As onnx:{path}?mean=123.7,116.3,103.5&std=58.4,57.1,57.4 for pixels from 0 to 255",
        )
    try:
        model = onnx.load(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", "Check the file") from error
    except Exception as error:  # of protobuf and of onnx, without a type of their own
        raise BadInput(f"{path} is no ONNX file", "Check the file") from error
    if not model.graph.node:
        raise BadInput(f"{path} is no ONNX file", "Check the file")
    own = input_side(model)
    side_px = options.get("input_size", own)
    if side_px is None:
        raise BadInput(f"{path.name} takes pictures of any size", "Say which with input_size=224")
    if own is not None and side_px != own:
        raise BadInput(f"{path.name} takes pictures of {own} px, not {side_px}", "Leave input_size away")
    preparation = Preparation(
        side_px, options["mean"], options["std"],
        bgr=options.get("channels") == "bgr", light=options.get("light", "evened"),
    )  # fmt: skip
    return model, hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest(), preparation


def _from_torch(spec: EncoderSpec) -> tuple[onnx.ModelProto, str, Preparation]:
    try:
        from sameshot.embed import torch_models  # noqa: PLC0415 - only who makes one needs torch
    except ImportError as error:
        raise BadInput(
            "torch is not installed, and this encoder is made with it", "Install the extra: pip install '.[night]'"
        ) from error
    read = torch_models.torchvision_network if spec.kind == "torchvision" else torch_models.custom_network
    network, preparation = read(spec)
    return torch_models.export(network, preparation.side_px), torch_models.weights_digest(network), preparation


def main(words: Sequence[str]) -> int:
    """Makes one encoder; returns the exit code."""
    text, folder = words
    try:
        card = make(parse(text), Path(folder))
    except SameshotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(asdict(card)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
