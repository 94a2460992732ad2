"""Depthwise and pointwise convolution with blurred resampling, the unit of MI-GAN."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from inpainter.networks.blocks.blur import DoublingBlur, HalvingBlur
from inpainter.networks.blocks.reparameterized_convolution import convolution_form
from inpainter.networks.blocks.scaled_leaky_relu import scaled_leaky_relu


class SeparableConvolution(nn.Module):
    """Depthwise 3x3 convolution, activation, pointwise convolution, activation.

    Maps `(N, C_in, H, W)` to `(N, C_out, H', W')`: halved before the pointwise convolution, doubled
    after it, or of the same size.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        resize: "halve", "double" or None.
        noise: added before the last activation; None for none.
        branches: tensors that are summed to give each weight; 1 for plain convolutions.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        resize: Literal["halve", "double"] | None = None,
        noise: nn.Module | None = None,
        branches: int = 1,
    ) -> None:
        super().__init__()
        convolution = convolution_form(branches)
        self.depthwise = convolution(in_channels, in_channels, 3, in_channels, bias=True)
        self.halving = HalvingBlur(in_channels) if resize == "halve" else nn.Identity()
        self.pointwise = convolution(in_channels, out_channels, 1, bias=False)
        self.doubling = DoublingBlur(out_channels) if resize == "double" else nn.Identity()
        self.noise = nn.Identity() if noise is None else noise

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H', W')`."""
        features = self.halving(scaled_leaky_relu(self.depthwise(features)))
        return scaled_leaky_relu(self.noise(self.doubling(self.pointwise(features))))
