"""DCGAN: random faces from latents (Radford et al. 2016)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional


class DcganGenerator(nn.Module):
    """Generates 64x64 faces from latents; it does not complete pictures itself.

    Radford et al. 2016, "Unsupervised Representation Learning with Deep Convolutional Generative
    Adversarial Networks", with the 5x5 kernels and uniform latents of Yeh et al. 2017:
    `inpainter.latent_search.SemanticInpainter` searches its latents for a fill.

    Args:
        latent_size: dimensions of a latent, each in [-1, 1].
        width: channels of the 32x32 map; they double with each halving.
    """

    side = 64
    """Height and width of the faces."""

    def __init__(self, latent_size: int = 100, width: int = 64) -> None:
        super().__init__()
        self.latent_size = latent_size
        widths = [8 * width, 4 * width, 2 * width, width, 3]
        self.projection = nn.Linear(latent_size, 16 * widths[0])
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in widths[:-1])
        self.enlargements = nn.ModuleList(
            nn.ConvTranspose2d(deep, shallow, 5, stride=2, padding=2, output_padding=1)
            for deep, shallow in itertools.pairwise(widths)
        )
        for layer in (self.projection, *self.enlargements):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def draw_latents(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw latents `(count, latent_size)`, uniform in [-1, 1], on the CPU."""
        return 2.0 * torch.rand(count, self.latent_size, generator=generator, device="cpu") - 1.0

    def forward(self, latents: Tensor) -> Tensor:
        """Map latents `(N, latent_size)` to faces `(N, 3, 64, 64)` in [-1, 1]."""
        features = self.projection(latents).unflatten(1, (-1, 4, 4))
        for norm, enlargement in zip(self.norms, self.enlargements, strict=True):
            features = enlargement(functional.relu(norm(features)))
        return torch.tanh(features)
