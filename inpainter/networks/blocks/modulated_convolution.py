"""Modulated convolution (Karras et al. 2020, "Analyzing and Improving ... StyleGAN")."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.blocks.blur import NarrowingBlur
from inpainter.networks.blocks.equalized import EqualizedLinear


class ModulatedConvolution(nn.Module):
    """A convolution whose input channels are scaled by a style vector per picture.

    Maps `(N, C_in, H, W)` and styles `(N, S)` to `(N, C_out, H, W)`, or to `(N, C_out, 2 H, 2 W)`
    by a transposed convolution and a blur. With demodulation the output is scaled as if each
    picture had its own kernel of unit norm, so that the style does not change a map's magnitude.
    Scaling maps instead of kernels gives the same result and lets all pictures of a batch share one
    convolution.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        style_size: S.
        kernel_size: odd side of the kernel.
        demodulate: whether to normalise the modulated kernel.
        double: whether to double the sides; requires a 3x3 kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        style_size: int,
        kernel_size: int = 3,
        *,
        demodulate: bool = True,
        double: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.style = EqualizedLinear(style_size, in_channels, bias=1.0)
        self.scale = 1.0 / math.sqrt(in_channels * kernel_size**2)
        self.padding = kernel_size // 2
        self.demodulate = demodulate
        self.blur = NarrowingBlur(out_channels) if double else None

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` and styles `(N, S)` to `(N, C_out, H', W')`, without the bias."""
        style = self.style(styles)
        weight = self.weight * self.scale
        weighted = features * style[:, :, None, None]
        if self.blur is None:
            features = functional.conv2d(weighted, weight, padding=self.padding)
        else:
            doubled = functional.conv_transpose2d(weighted, weight.transpose(0, 1), stride=2)
            features = self.blur(doubled)
        if self.demodulate:
            energy = style.float().square() @ weight.float().square().sum(dim=(2, 3)).T
            norm = torch.rsqrt(energy + 1e-8).to(features.dtype)
            features = features * norm[:, :, None, None]
        return features

    def add_bias(self, features: Tensor) -> Tensor:
        """Add the learned bias to `(N, C_out, H, W)`; separate so that noise can be added first."""
        return features + self.bias[:, None, None]
