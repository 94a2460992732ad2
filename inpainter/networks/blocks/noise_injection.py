"""Noise added to feature maps, for the fine detail of hair and skin."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class NoiseInjection(nn.Module):
    """Adds one map of noise, times a learned strength, to all channels (Karras et al. 2019).

    In training, fresh noise is drawn for each picture. Otherwise it is fixed, so that results are
    deterministic; it is tiled or cropped for maps of another size than `side`. The strength starts
    at zero.

    Args:
        side: height and width of the stored noise.
    """

    noise: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(side, side))

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        height, width = features.shape[2:]
        if self.training:
            noise = torch.randn_like(features[:, :1])
        else:
            repeated = self.noise.repeat(-(-height // self.side), -(-width // self.side))
            noise = repeated[:height, :width]
        return features + noise * self.strength
