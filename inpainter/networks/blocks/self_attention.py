"""Global self-attention over a feature map (Vaswani et al. 2017; Zhang et al. 2019, SAGAN)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SelfAttention(nn.Module):
    """Residual self-attention between all positions of a small feature map.

    Maps `(N, C, H, W)` to `(N, C, H, W)`. The cost is quadratic in `H * W`, so it belongs at the
    bottleneck. Its output projection starts near zero, so the block starts close to the identity.

    Args:
        channels: C, a multiple of `heads`.
        heads: number of attention heads.
    """

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(1, channels)
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.output = nn.Conv2d(channels, channels, 1)
        nn.init.normal_(self.output.weight, std=1e-3)
        nn.init.zeros_(self.output.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        count, channels, height, width = features.shape
        tokens = self.query_key_value(self.norm(features)).reshape(
            count, 3, self.heads, channels // self.heads, height * width
        )
        query, key, value = tokens.transpose(-1, -2).unbind(dim=1)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        mixed = mixed.transpose(-1, -2).reshape(count, channels, height, width)
        return features + self.output(torch.clone(mixed, memory_format=torch.contiguous_format))
