"""Two autoencoders for square pictures whose side is a power of two: the networks alone.

Comes in: pictures float (n, 3, side, side), -1..1. Goes out: latents (n, latent), and pictures made from them. Between
encoder and decoder there is nothing but the latent, so all that the decoder draws went through it (Hinton and
Salakhutdinov, 2006). `plain` halves the side by strided convolutions down to 4; `residual` does so by residual blocks
(He et al., 2016), whose shortcuts stay inside the encoder or inside the decoder. The latent is centred and scaled by
what training saw of it, so that cosines between latents spread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import nn

from sameshot.errors import BadInput

_SMALLEST_SIDE_PX, _LARGEST_SIDE_PX = 16, 512
_INNER_SIDE_PX = 4
_MOST_CHANNELS = 256


class Autoencoder(nn.Module):
    """An encoder and a decoder that meet in a latent vector. `forward` gives the picture that the decoder draws."""

    def __init__(self, side_px: int, latent: int, channels: int, down: Block, up: Block) -> None:
        super().__init__()
        widths = _widths(side_px, channels)
        inner = widths[-1] * _INNER_SIDE_PX**2
        pairs = list(pairwise(widths))
        self.encoder = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, padding=1),
            *(down(wide, wider) for wide, wider in pairs),
            nn.Flatten(),
            nn.Linear(inner, latent),
            nn.BatchNorm1d(latent, affine=False),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, inner),
            nn.Unflatten(1, (widths[-1], _INNER_SIDE_PX, _INNER_SIDE_PX)),
            *(up(wider, wide) for wide, wider in reversed(pairs)),
            nn.Conv2d(widths[0], 3, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures as they come back from their latents, the same shape."""
        drawn: torch.Tensor = self.decoder(self.encoder(pictures))
        return drawn

    def embed(self, pictures: torch.Tensor) -> torch.Tensor:
        """The latents, (n, latent)."""
        latents: torch.Tensor = self.encoder(pictures)
        return latents


Block = Callable[[int, int], nn.Module]


def build(architecture: str, side_px: int, latent: int, channels: int, seed: int) -> Autoencoder:
    """A network with random weights that `seed` decides.

    Raises BadInput when no architecture has that name, or no picture that side.
    """
    if architecture not in ARCHITECTURES:
        message = f"There is no autoencoder named {architecture!r}"
        raise BadInput(message, f"Choose one of: {', '.join(ARCHITECTURES)}")
    if not _SMALLEST_SIDE_PX <= side_px <= _LARGEST_SIDE_PX or side_px & (side_px - 1):
        message = f"An autoencoder takes square pictures of a power of two, not of {side_px} px"
        raise BadInput(message, f"Choose from {_SMALLEST_SIDE_PX} to {_LARGEST_SIDE_PX}, as 64")
    torch.manual_seed(seed)
    return Autoencoder(side_px, latent, channels, *ARCHITECTURES[architecture])


def _widths(side_px: int, channels: int) -> list[int]:
    """Channels at the full side, at half of it, and so on down to the inner side."""
    halvings = (side_px // _INNER_SIDE_PX).bit_length() - 1
    return [min(channels << step, _MOST_CHANNELS) for step in range(halvings + 1)]


def _plain_down(wide: int, wider: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(wide, wider, 4, stride=2, padding=1), nn.BatchNorm2d(wider), nn.LeakyReLU(0.1))


def _plain_up(wide: int, narrower: int) -> nn.Module:
    # Enlarged and then filtered: transposed convolutions leave a checkerboard.
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        nn.Conv2d(wide, narrower, 3, padding=1),
        nn.BatchNorm2d(narrower),
        nn.LeakyReLU(0.1),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.LeakyReLU(0.1),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return nn.functional.leaky_relu(maps + self.change(maps), 0.1)


def _residual_down(wide: int, wider: int) -> nn.Module:
    return nn.Sequential(_plain_down(wide, wider), _Residual(wider))


def _residual_up(wide: int, narrower: int) -> nn.Module:
    return nn.Sequential(_plain_up(wide, narrower), _Residual(narrower))


ARCHITECTURES: Mapping[str, tuple[Block, Block]] = {
    "plain": (_plain_down, _plain_up),
    "residual": (_residual_down, _residual_up),
}
