"""Layers with an equalised learning rate (Karras et al. 2018, "Progressive Growing of GANs").

Weights are stored at unit variance and scaled in use, so that Adam, whose steps ignore a weight's
scale, trains all layers at the same speed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class EqualizedLinear(nn.Module):
    """A fully connected layer, `(N, C_in)` to `(N, C_out)`.

    Args:
        in_features: C_in.
        out_features: C_out.
        bias: initial value of the bias.
        rate: learning rate multiplier, below 1 for layers that should learn slowly.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: float = 0.0, rate: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / rate)
        self.bias = nn.Parameter(torch.full((out_features,), bias / rate))
        self.scale, self.rate = rate / math.sqrt(in_features), rate

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in)` to `(N, C_out)`."""
        return functional.linear(features, self.weight * self.scale, self.bias * self.rate)


class EqualizedConvolution(nn.Module):
    """A convolution, `(N, C_in, H, W)` to `(N, C_out, H', W')`.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: odd side of the kernel.
        stride: step of the kernel.
        padding: zeros on each side; None keeps the size at stride 1.
        bias: whether a bias is learned.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.scale = 1.0 / math.sqrt(in_channels * kernel_size**2)
        self.stride = stride
        self.padding = kernel_size // 2 if padding is None else padding

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H', W')`."""
        return functional.conv2d(
            features, self.weight * self.scale, self.bias, self.stride, self.padding
        )
