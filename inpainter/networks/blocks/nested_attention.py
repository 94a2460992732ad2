"""Nested deformable multi-head attention (Phutke and Murala, WACV 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.blocks.channel_norm import ChannelNorm
from inpainter.networks.blocks.deformable_convolution import DeformableConvolution


class DeformableAttention(nn.Module):
    """Attention between channels, whose keys and values come from a deformable convolution.

    Queries `(N, C, H, W)` and features `(N, C, H, W)` give `(N, C, H, W)`. Each head attends
    between its C / heads channels, so the cost is linear in the number of pixels.

    Args:
        channels: C, a multiple of `heads`.
        heads: number of attention heads.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.expansion = nn.Conv2d(channels, 2 * channels, 1, bias=False)
        self.deformation = DeformableConvolution(2 * channels, 2 * channels)
        self.output = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, features: Tensor, query: Tensor) -> Tensor:
        """Map features and queries, both `(N, C, H, W)`, to `(N, C, H, W)`."""
        key, value = self.deformation(self.expansion(features)).chunk(2, dim=1)
        count, channels, height, width = value.shape
        split = (count, self.heads, channels // self.heads, height * width)
        query = functional.normalize(query.reshape(split), dim=-1)
        key = functional.normalize(key.reshape(split), dim=-1)
        attention = torch.softmax(query @ key.transpose(-1, -2) * self.temperature, dim=-1)
        mixed = (attention @ value.reshape(split)).reshape(count, channels, height, width)
        return self.output(mixed)


class GatedFeedForward(nn.Module):
    """Feed-forward layer with a gate: `GELU(a) * b` between two 1x1 convolutions.

    Preserves the shape `(N, C, H, W)` (Zamir et al. 2022, "Restormer").

    Args:
        channels: C.
        expansion: inner channels over C.
    """

    def __init__(self, channels: int, expansion: float = 2.33) -> None:
        super().__init__()
        inner = 2 * int(expansion * channels)
        self.expansion = nn.Conv2d(channels, inner, 1, bias=False)
        self.depthwise = nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False)
        self.reduction = nn.Conv2d(inner // 2, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        gate, value = self.depthwise(self.expansion(features)).chunk(2, dim=1)
        return self.reduction(functional.gelu(gate) * value)


class NestedDeformableAttention(nn.Module):
    """Packs decoder and encoder features with one attention and unpacks them with a second.

    The second attention applies the same queries as the first to the packed features. Decoder and
    encoder features, each `(N, C, H, W)`, give `(N, 2 * C, H, W)`.

    Args:
        channels: C.
        heads: maximum attention heads; each gets at least two channels, because the softmax over a
            single channel is always 1.
    """

    def __init__(self, channels: int, heads: int = 8) -> None:
        super().__init__()
        heads = max(1, min(heads, channels // 2))
        self.pack = DeformableAttention(channels, heads)
        self.unpack = DeformableAttention(channels, heads)
        self.feed_forward = GatedFeedForward(channels)
        self.packed_norm = ChannelNorm(channels)
        self.unpacked_norm = ChannelNorm(channels)
        self.output_norm = ChannelNorm(channels)

    def forward(self, decoder: Tensor, encoder: Tensor) -> Tensor:
        """Map decoder and encoder features `(N, C, H, W)` to `(N, 2 * C, H, W)`."""
        packed = self.pack(decoder, encoder)
        unpacked = self.unpacked_norm(self.unpack(packed, encoder) + decoder)
        output = self.output_norm(self.feed_forward(unpacked) + unpacked)
        return torch.cat([output, self.packed_norm(packed + encoder)], dim=1)
