"""Minibatch standard deviation, by which a discriminator notices that all fakes are alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MinibatchStd(nn.Module):
    """Appends one channel: the standard deviation over a group of pictures, averaged.

    Maps `(N, C, H, W)` to `(N, C + 1, H, W)`. The group size is the largest divisor of the batch
    size up to `group`. Real and completed pictures need separate batches.

    Args:
        group: maximum pictures per group.

    Source: Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and
    Variation".
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C + 1, H, W)`."""
        count = len(features)
        size = next(one for one in range(min(self.group, count), 0, -1) if count % one == 0)
        groups = features.float().unflatten(0, (size, -1))
        # The square root of zero, as for a group of one picture, has no finite gradient.
        deviation = (groups.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        channel = deviation.to(features.dtype).repeat(size)[:, None, None, None]
        return torch.cat([features, channel.expand(-1, -1, *features.shape[2:])], dim=1)
