"""How unlike two pictures are to a network that knows pictures: the perceptual loss (Johnson et al., 2016).

Comes in: two batches of pictures, float (n, 3, side, side), -1..1. Goes out: the mean squared distance of their
features, which training follows downhill. The features are those of a network that is named, a torchvision classifier
or a class of the owner's; else VGG19's where its weights are on this machine, and else those of Lite0, whose weights
are always installed. None is trained, and nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torchvision
from torch.nn import functional

from sameshot.embed.encoders import lite0_tensors
from sameshot.embed.own_class import made
from sameshot.embed.served_graph import Preparation
from sameshot.embed.spec import parse
from sameshot.embed.torch_models import embedding_of, places_of, torchvision_network
from sameshot.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
_VGG_LAYERS = (3, 8, 17)
"""After the second convolution of the first two blocks, and the fourth of the third."""
_EPSILON = 1e-3
_BLOCKS = ((1, 1), (2, 6), (1, 6), (2, 6), (1, 6))
"""Stride and expansion of the first five blocks of Lite0: down to an eighth of the side."""


def perceptual_loss(device: str, models_dir: Path, model: str = "") -> tuple[Loss, str]:
    """The loss, and whose features it compares: `model`, `vgg19` or `lite0`.

    `model`: as `torchvision:resnet18?depth=20` or `module:Class`; `models_dir`: where fetched weights are.
    Raises BadInput where such a model cannot be had or followed, StateUnavailable without any weights.
    """
    if model:
        return _GivenLoss(*_given(model, models_dir), model, device), model
    for path in places_of(torchvision.models.VGG19_Weights.IMAGENET1K_V1, models_dir):
        if path.is_file():
            return _VggLoss(path, device), "vgg19"
    return _LiteLoss(lite0_tensors(), device), "lite0"


def _given(model: str, models_dir: Path) -> tuple[torch.nn.Module, Preparation]:
    spec = parse(model)
    if spec.kind == "torchvision":
        return torchvision_network(spec, models_dir)
    network = made(spec.source) if spec.kind == "custom" else None
    if not isinstance(network, torch.nn.Module):
        raise BadInput(f"{model} is nothing that torch can follow downhill", "Name torchvision:NAME or a torch class")
    options = spec.options
    zeros, full = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
    prepared = Preparation(options.get("input_size", 224), options.get("mean", zeros), options.get("std", full))
    return embedding_of(network), prepared


class _GivenLoss:
    """The features of one layer of any network, on pictures of the size that it takes."""

    def __init__(self, network: torch.nn.Module, prepared: Preparation, name: str, device: str) -> None:
        self._network = network.eval().requires_grad_(requires_grad=False).to(device)
        self._side_px, self._name = prepared.side_px, name
        self._mean = torch.tensor(prepared.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(prepared.std, device=device).view(1, 3, 1, 1)

    def __call__(self, drawn: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            aim = self._features(wanted)
        return functional.mse_loss(drawn, wanted) + functional.mse_loss(self._features(drawn), aim)

    def _features(self, pictures: torch.Tensor) -> torch.Tensor:
        size = (self._side_px, self._side_px)
        resized = functional.interpolate(pictures, size, mode="bilinear", align_corners=False)
        try:
            found = self._network(((resized + 1) * 127.5 - self._mean) / self._std)
        except RuntimeError as error:
            message = f"{self._name} takes no pictures of {self._side_px} px: {str(error).splitlines()[0]}"
            raise BadInput(message, "Check its input_size") from error
        if not isinstance(found, torch.Tensor):
            raise BadInput(f"{self._name} gives {type(found).__name__}, not a tensor of features", "Choose another")
        return found


class _VggLoss:
    def __init__(self, path: Path, device: str) -> None:
        network = torchvision.models.vgg19(weights=None)
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self._layers = network.features[: _VGG_LAYERS[-1] + 1].eval().requires_grad_(requires_grad=False).to(device)
        self._mean = torch.tensor([0.485, 0.456, 0.406], device=device).view(1, 3, 1, 1)
        self._std = torch.tensor([0.229, 0.224, 0.225], device=device).view(1, 3, 1, 1)

    def __call__(self, drawn: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        one, other = (((pictures + 1) / 2 - self._mean) / self._std for pictures in (drawn, wanted))
        loss = functional.mse_loss(drawn, wanted)
        for number, layer in enumerate(self._layers):
            one, other = layer(one), layer(other)
            if number in _VGG_LAYERS:
                loss = loss + functional.mse_loss(one, other)
        return loss


class _LiteLoss:
    """Lite0 as far as the last of `_BLOCKS`, with each batch norm folded into the convolution before it."""

    def __init__(self, tensors: dict[str, NDArray[np.float32]], device: str) -> None:
        self._tensors = {name: torch.from_numpy(value).to(device) for name, value in tensors.items()}

    def __call__(self, drawn: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        loss = functional.mse_loss(drawn, wanted)
        for one, other in zip(self.features(drawn), self.features(wanted), strict=True):
            loss = loss + functional.mse_loss(one, other)
        return loss

    def features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """The maps after the stem and after each block. -1..1 is what this network was trained with, but for 1/255."""
        current = functional.relu6(self._convolve(pictures, "_conv_stem", "_bn0", 2))
        maps = [current]
        for number, (stride, expansion) in enumerate(_BLOCKS):
            name, inner = f"_blocks.{number}", current
            if expansion != 1:
                inner = functional.relu6(self._convolve(inner, f"{name}._expand_conv", f"{name}._bn0", 1))
            inner = functional.relu6(self._convolve(inner, f"{name}._depthwise_conv", f"{name}._bn1", stride))
            inner = self._convolve(inner, f"{name}._project_conv", f"{name}._bn2", 1)
            current = inner + current if stride == 1 and inner.shape == current.shape else inner
            maps.append(current)
        return maps

    def _convolve(self, source: torch.Tensor, weight: str, norm: str, stride: int) -> torch.Tensor:
        kernel = self._tensors[f"{weight}.weight"]
        scale = self._tensors[f"{norm}.weight"] / torch.sqrt(self._tensors[f"{norm}.running_var"] + _EPSILON)
        bias = self._tensors[f"{norm}.bias"] - self._tensors[f"{norm}.running_mean"] * scale
        size = kernel.shape[2]
        # TensorFlow's SAME padding: what cannot be halved evenly goes to the right and below.
        over = max(size - stride if source.shape[2] % stride == 0 else size - source.shape[2] % stride, 0)
        padded = functional.pad(source, (over // 2, over - over // 2, over // 2, over - over // 2))
        groups = source.shape[1] if kernel.shape[1] == 1 and source.shape[1] > 1 else 1
        return functional.conv2d(padded, kernel * scale.view(-1, 1, 1, 1), bias, stride, groups=groups)
