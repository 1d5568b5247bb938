"""How unlike two pictures are to a network that knows pictures: the perceptual loss (Johnson et al., 2016).

Comes in: two batches of pictures, float (n, 3, side, side), -1..1. Goes out: the mean squared distance of their
features, which training follows downhill. The features are VGG19's where its weights are in torch's cache, and else
those of Lite0, whose weights are always installed. Neither is trained, and nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torchvision
from torch.nn import functional

from sameshot.embed.encoders import lite0_tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
_VGG_LAYERS = (3, 8, 17)
"""After the second convolution of the first two blocks, and the fourth of the third."""
_EPSILON = 1e-3
_BLOCKS = ((1, 1), (2, 6), (1, 6), (2, 6), (1, 6))
"""Stride and expansion of the first five blocks of Lite0: down to an eighth of the side."""


def perceptual_loss(device: str) -> tuple[Loss, str]:
    """The loss, and whose features it compares: `vgg19` or `lite0`. Raises StateUnavailable without any weights."""
    weights = torchvision.models.VGG19_Weights.IMAGENET1K_V1
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    if path.is_file():
        return _VggLoss(path, device), "vgg19"
    return _LiteLoss(lite0_tensors(), device), "lite0"


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
