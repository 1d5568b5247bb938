"""Networks of torch as ONNX, exported once. Only here and in training is torch loaded; nothing here serves.

Comes in: an architecture of torchvision with weights that are on this machine, or a module of the owner's own. Goes
out: an ONNX model of one picture (1, 3, side, side), the digest of its weights, and how its pixels are prepared. A file
of weights is read with `weights_only=True`, so it can hold tensors and nothing that runs; nothing is downloaded here.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import torch
import torchvision
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from sameshot.embed.served_graph import Preparation
from sameshot.errors import BadInput

if TYPE_CHECKING:
    from sameshot.embed.spec import EncoderSpec

_OPSET = 17
_SIDE_PX = 224
_IMAGENET_MEAN, _IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def weights_digest(network: torch.nn.Module) -> str:
    """SHA-256 over every tensor of a network by name: the same for the same weights, whatever file they came in."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def export(network: torch.nn.Module, side_px: int, *, several: bool = False) -> onnx.ModelProto:
    """The network as ONNX for one picture, or for `several` at once.

    Raises BadInput when it cannot be exported or takes no such picture.
    """
    stream = io.BytesIO()
    torch.backends.mha.set_fastpath_enabled(value=False)  # it has no counterpart in ONNX
    picture = torch.zeros(1, 3, side_px, side_px)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of this exporter's age: the newer one needs a package more
            torch.onnx.export(
                network.eval(),
                (picture,),
                stream,  # type: ignore[arg-type]  # this exporter takes a stream too
                dynamo=False,
                opset_version=_OPSET,
                input_names=["picture"],
                output_names=["features"],
                dynamic_axes={"picture": {0: "pictures"}, "features": {0: "pictures"}} if several else None,
            )
    except Exception as error:  # whatever a network's own code raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadInput(
            f"The network cannot be exported for pictures of {side_px} px: {reason}", "Choose another"
        ) from error
    return onnx.load_from_string(stream.getvalue())


def torchvision_network(spec: EncoderSpec, models_dir: Path) -> tuple[torch.nn.Module, Preparation]:
    """The network `spec` names, cut `depth` steps before its end (1: what its last layer sees), with its weights.

    `models_dir`: where `sameshot models fetch` puts weights; torch's own folder is looked into as well.

    Raises BadInput when there is no such architecture, or its weights are not on this machine or do not fit it.
    """
    models = torchvision.models
    chosen, names = weights_of(spec)
    network = models.get_model(spec.source, weights=None, **_quiet(spec.source))
    transforms = None if chosen is None else chosen.transforms()
    path = (
        Path(str(spec.options["weights"])).expanduser() if chosen is None else _on_disk(spec.source, chosen, models_dir)
    )
    _load(network, path, spec.source, names)
    side_px = spec.options.get("input_size") or getattr(transforms, "crop_size", [_SIDE_PX])[0]
    preparation = Preparation(
        side_px,
        _of_255(getattr(transforms, "mean", None)) or _IMAGENET_MEAN,
        _of_255(getattr(transforms, "std", None)) or _IMAGENET_STD,
        light=spec.options.get("light", "evened"),
    )
    return _cut(network.eval(), spec.options.get("depth", 1)), preparation


def embedding_of(network: torch.nn.Module) -> torch.nn.Module:
    """The network whose `forward` gives features: itself, or its method `embed` where it has one."""
    return _Embedding(network) if callable(getattr(network, "embed", None)) else network


class _Embedding(torch.nn.Module):
    """A network whose features come from its method `embed`, and not from `forward`."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.network.embed(picture)  # type: ignore[operator]
        return features


def weights_of(spec: EncoderSpec) -> tuple[Any, list[str]]:
    """The weights of torchvision's own that `spec` names, None where it names a file; and the names there are.

    Raises BadInput when there is no such architecture.
    """
    models = torchvision.models
    if spec.source not in models.list_models(models):
        raise BadInput(f"torchvision has no classification model {spec.source!r}", "Its documentation lists them")
    known = models.get_model_weights(spec.source)
    wanted = spec.options.get("weights")
    names = [weights.name for weights in known]
    return known[wanted] if wanted in names else known["DEFAULT"] if wanted is None else None, names


def places_of(weights: Any, models_dir: Path) -> tuple[Path, Path]:
    """Where these weights may lie: as `sameshot models fetch` puts them, and as torch itself would."""
    name = Path(weights.url).name
    return models_dir / "weights" / name, Path(torch.hub.get_dir()) / "checkpoints" / name


def promised_digest(weights: Any) -> str:
    """The first digits of the SHA-256 of the file, which torchvision puts into its name."""
    return Path(weights.url).stem.rpartition("-")[2]


def _on_disk(architecture: str, weights: Any, models_dir: Path) -> Path:
    """The file of these weights, which is what torchvision promised."""
    path = next((place for place in places_of(weights, models_dir) if place.is_file()), None)
    hint = (
        f"`sameshot models fetch 'torchvision:{architecture}?weights={weights.name}'` downloads them; "
        f"or name a file: torchvision:{architecture}?weights=FILE"
    )
    if path is None:
        raise BadInput(f"The weights {weights.name} of {architecture} are not on this machine", hint)
    promised = promised_digest(weights)
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if not found.startswith(promised):
        raise BadInput(f"{path} is damaged: its digest begins with {found[:8]}, not {promised}", hint)
    return path


def _load(network: torch.nn.Module, path: Path, architecture: str, names: list[str]) -> None:
    if not path.is_file():
        raise BadInput(
            f"{architecture} has no weights {str(path)!r}, and there is no such file",
            f"Its weights are {', '.join(names)}",
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except Exception as error:  # pickle, zip and torch each have their own
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"{path} does not hold weights of {architecture}: {reason}", "Choose another file") from error


def _cut(network: torch.nn.Module, depth: int) -> torch.nn.Module:
    """The network up to the step that is `depth` steps before its end."""
    steps = get_graph_node_names(network)[1]
    if depth >= len(steps) - 1:
        raise BadInput(f"The network has {len(steps)} steps", f"A depth is from 0 to {len(steps) - 2}")
    cut = create_feature_extractor(network, {steps[-1 - depth]: "features"})
    return _Only(cut)


class _Only(torch.nn.Module):
    def __init__(self, extractor: torch.nn.Module) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.extractor(picture)["features"]
        return features


def _quiet(architecture: str) -> dict[str, Any]:
    """The two with heads for training only say so at length."""
    return {"init_weights": False} if architecture in ("googlenet", "inception_v3") else {}


def _of_255(channels: list[float] | None) -> tuple[float, float, float] | None:
    if channels is None:
        return None
    red, green, blue = (255 * channel for channel in channels)
    return red, green, blue
