"""Aggregated contextual transformations (Zeng et al. 2022, AOT-GAN)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.blocks.reflection import reflect


class AggregatedContextualBlock(nn.Module):
    """Several dilations at once, with a gate that blends old and new features.

    Preserves the shape `(N, C, H, W)`: dilated convolutions, which share the output channels, are
    merged to new features, and the output is `x * (1 - g) + new * g`. The gate's values are
    standardised over each channel's map before the sigmoid, so that it really opens and closes.

    Args:
        channels: C, a multiple of the number of dilations.
        dilations: dilation of each branch.
    """

    def __init__(self, channels: int, dilations: Sequence[int] = (1, 2, 4, 8)) -> None:
        super().__init__()
        self.dilations = tuple(dilations)
        self.branches = nn.ModuleList(
            nn.Conv2d(channels, channels // len(self.dilations), 3, dilation=dilation)
            for dilation in self.dilations
        )
        self.merge = nn.Conv2d(channels, channels, 3)
        self.gate = nn.Conv2d(channels, channels, 3)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        seen = [
            functional.relu(branch(reflect(features, dilation)))
            for branch, dilation in zip(self.branches, self.dilations, strict=True)
        ]
        merged = self.merge(reflect(torch.cat(seen, dim=1), 1))
        gate = torch.sigmoid(_standardised(self.gate(reflect(features, 1))))
        return features * (1.0 - gate) + merged * gate


def _standardised(values: Tensor) -> Tensor:
    """Standardise each map to mean -5 and standard deviation 10, the paper's values."""
    # Half precision cannot hold 1e-9, and a single position has no unbiased deviation.
    wide = values.float()
    unbiased = int(values.shape[2] * values.shape[3] > 1)
    centred = wide - wide.mean(dim=(2, 3), keepdim=True)
    deviation = wide.std(dim=(2, 3), correction=unbiased, keepdim=True) + 1e-9
    return (5.0 * (2.0 * centred / deviation - 1.0)).to(values.dtype)
