"""Makes an encoder ready to serve, once: torch or the owner's own code may run here, and no photo is ever read.

Comes in: an encoder as the config names it, and the folder for models. Goes out: an ONNX file and its card there, and
one line of JSON; on failure one sentence on stderr and exit code 2. What cannot be one ONNX file that takes a picture
(a class that is only Python, a batch, a GPU) becomes a recipe for the trusted process. Run as
`python -P -m sameshot.embed.making SPEC MODELS_DIR`, in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from sameshot.embed.cards import Card, write_card
from sameshot.embed.own_class import OwnClass, OwnEncoder, Pictures, code_digest, is_torch, made, state_digest
from sameshot.embed.served_graph import Preparation, input_side, serve
from sameshot.embed.spec import LARGEST_SIDE_PX, EncoderSpec, parse
from sameshot.embed.trusted import SUFFIX, OnnxInBatches, Recipe, probed, probes
from sameshot.errors import BadInput, SameshotError, StateUnavailable
from sameshot.store.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_SIDE_PX = 224
_SAME_COSINE = 0.9999
_VERSION = 1
"""Of all between pixels and vector that is decided in this project; part of each id."""


@dataclass(frozen=True, slots=True)
class _Made:
    """Files to write, the first of which serves, and what tells this encoder from others."""

    encoder_id: str
    files: dict[str, bytes]
    dimension: int
    facts: dict[str, Any]


def make(spec: EncoderSpec, models_dir: Path) -> Card:
    """Makes the encoder and its card, over an earlier one of the same name.

    Raises BadInput when it cannot be made, StateUnavailable when the folder cannot be written.
    """
    if spec.kind == "autoencoder":
        raise BadInput("The autoencoder is not made, it is trained", "Run `sameshot train`")
    ready = _made(spec, models_dir)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    card = Card(spec.text, ready.encoder_id, next(iter(ready.files)), ready.dimension, made_at, ready.facts)
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        for name, content in reversed(ready.files.items()):
            write_whole(models_dir / name, content)
        write_card(models_dir, spec.key, card)
    except OSError as error:
        raise StateUnavailable(f"The encoder cannot be written: {error}", "Make room or give access") from error
    return card


def _made(spec: EncoderSpec, models_dir: Path) -> _Made:
    options = spec.options
    if spec.kind == "onnx":
        model, weights, preparation = _read_onnx(spec)
    elif spec.kind == "torchvision":
        network, preparation = _torch_models().torchvision_network(spec, models_dir)
        model = _torch_models().export(network, preparation.side_px, several=spec.is_batched)
        weights = _torch_models().weights_digest(network)
    else:
        thing, preparation = made(spec.source), _own_preparation(spec)
        if not is_torch(thing):
            return _recipe_of_a_class(spec, preparation, "it is no torch.nn.Module")
        if "dataset" in options or spec.is_batched:
            return _recipe_of_a_class(spec, preparation, "its options ask for that")
        try:
            model = _torch_models().export(_torch_models().embedding_of(thing), preparation.side_px)
        except BadInput as reason:
            return _recipe_of_a_class(spec, preparation, str(reason.args[0]))
        # What it computes is in the graph too, and as good a part of it as its weights.
        weights = hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
    content, dimension = serve(
        model, preparation, output=options.get("output"), embedding_size=options.get("embedding_size")
    )
    if spec.kind == "custom" and not _gives_the_same(content, _own_class(spec, preparation)):
        return _recipe_of_a_class(spec, preparation, "what it does cannot be held in a graph")
    encoder_id = _encoder_id(spec, weights, preparation)
    facts = _facts(weights, preparation)
    if not spec.is_batched:
        probed(_one_at_a_time(content), spec.text)
        return _Made(encoder_id, {f"{encoder_id}.onnx": content}, dimension, facts)
    content = _for_several(content)
    device = options.get("device", "cpu")
    probe = probed(OnnxInBatches(content, device).embed, spec.text)
    recipe = Recipe(spec.text, options.get("batch_size", 1), device, probe.tolist(), file=f"{encoder_id}.onnx")
    files = {f"{encoder_id}{SUFFIX}": recipe.as_bytes(), f"{encoder_id}.onnx": content}
    return _Made(encoder_id, files, dimension, facts | {"trusted": f"{recipe.batch_size} at a time on {device}"})


def _recipe_of_a_class(spec: EncoderSpec, preparation: Preparation, why: str) -> _Made:
    """For a class that only Python can run. `why`: it is not served as others are."""
    own = _own_class(spec, preparation)
    encoder = OwnEncoder(own)
    code, state = code_digest(own), state_digest(encoder.model)
    if state != state_digest(made(spec.source)):
        raise BadInput(
            f"{spec.source} has other weights each time it is made", "Load them, or make them from a seed of your own"
        )
    probe = probed(encoder.embed, spec.source)
    seen = np.round(probe, 3).tobytes()  # weights that the object does not hold by name show here
    weights = hashlib.sha256(f"{code} {state} ".encode() + seen).hexdigest()
    encoder_id = _encoder_id(spec, weights, preparation)
    size = spec.options.get("batch_size", 1)
    recipe = Recipe(spec.text, size, own.device, probe.tolist(), asdict(own), code, state)
    facts = _facts(weights, preparation) | {"trusted": why}
    return _Made(encoder_id, {f"{encoder_id}{SUFFIX}": recipe.as_bytes()}, probe.shape[1], facts)


def _own_class(spec: EncoderSpec, preparation: Preparation) -> OwnClass:
    return OwnClass(
        spec.source, spec.options.get("dataset"), preparation.side_px, preparation.mean, preparation.std,
        preparation.light, spec.options.get("embedding_size"), spec.options.get("device", "cpu"),
    )  # fmt: skip


def _gives_the_same(content: bytes, own: OwnClass) -> bool:
    """Whether the exported graph does what the class does: tracing makes a constant of what Python decides."""
    vectors = _one_at_a_time(content)(probes())
    return bool((vectors * OwnEncoder(own).embed(probes())).sum(axis=1).min() > _SAME_COSINE)


def _one_at_a_time(content: bytes) -> Callable[[Pictures], NDArray[np.float32]]:
    """The served file as workers run it."""
    exported = OnnxInBatches(content, "cpu")
    return lambda pictures: np.concatenate([exported.embed([picture]) for picture in pictures])


def _facts(weights: str, preparation: Preparation) -> dict[str, Any]:
    prepared = {**asdict(preparation), "mean": list(preparation.mean), "std": list(preparation.std)}
    return {"weights_sha256": weights, "preparation": prepared}


def _encoder_id(spec: EncoderSpec, weights: str, preparation: Preparation) -> str:
    """Architecture, weights, and a digest of all else that decides a vector."""
    name = Path(spec.source).stem if spec.kind == "onnx" else spec.source
    shape: dict[str, Any] = {name: spec.options.get(name) for name in ("depth", "output", "embedding_size")}
    if spec.is_batched or "dataset" in spec.options:
        shape |= {"dataset": spec.options.get("dataset"), "device": spec.options.get("device", "cpu")}
    decided = json.dumps([_VERSION, asdict(preparation), shape], sort_keys=True)
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name)[:40]
    return f"{spec.kind}-{plain}-{weights[:12]}-{hashlib.sha256(decided.encode()).hexdigest()[:8]}"


def _for_several(content: bytes) -> bytes:
    """The served file for any number of pictures at a time."""
    model = onnx.load_from_string(content)
    for one in (model.graph.input[0], model.graph.output[0]):
        one.type.tensor_type.shape.dim[0].dim_param = "pictures"
    several: bytes = model.SerializeToString(deterministic=True)
    try:
        OnnxInBatches(several, "cpu").embed(probes())
    except SameshotError:
        raise
    except Exception as error:  # its exceptions share no type
        raise BadInput("The model takes one picture at a time", "Leave batch_size and device away") from error
    return several


def _read_onnx(spec: EncoderSpec) -> tuple[onnx.ModelProto, str, Preparation]:
    path = Path(spec.source)
    options = spec.options
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", "Check the file") from error
    if not is_file:  # to read a pipe would be to wait
        raise BadInput(f"{path} is no file", "Name an ONNX file")
    if missing := [name for name in ("mean", "std") if name not in options]:
        raise BadInput(
            f"How {path.name} wants its pixels is not said: {' and '.join(missing)} missing",
            f"As 'onnx:{path}?mean=123.7,116.3,103.5&std=58.4,57.1,57.4' for pixels from 0 to 255",
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
    if side_px > LARGEST_SIDE_PX:
        raise BadInput(f"{path.name} takes pictures of {side_px} px", f"{LARGEST_SIDE_PX} px can be served")
    if own is not None and side_px != own:
        raise BadInput(f"{path.name} takes pictures of {own} px, not {side_px}", "Leave input_size away")
    preparation = Preparation(
        side_px, options["mean"], options["std"],
        bgr=options.get("channels") == "bgr", light=options.get("light", "evened"),
    )  # fmt: skip
    return model, hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest(), preparation


def _torch_models() -> ModuleType:
    try:
        from sameshot.embed import torch_models  # noqa: PLC0415 - only who makes one needs torch
    except ImportError as error:
        raise BadInput(
            "torch is not installed, and this encoder is made with it", "Install the extra: pip install '.[night]'"
        ) from error
    return torch_models


def _own_preparation(spec: EncoderSpec) -> Preparation:
    options = spec.options
    return Preparation(
        options.get("input_size", _SIDE_PX),
        options.get("mean", (0.0, 0.0, 0.0)),
        options.get("std", (255.0, 255.0, 255.0)),
        light=options.get("light", "evened"),
    )


def main(words: Sequence[str]) -> int:
    """Makes one encoder; returns the exit code."""
    text, folder = words
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the owner's class prints is no answer
    try:
        card = make(parse(text), Path(folder))
    except SameshotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(asdict(card)), file=answer, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
