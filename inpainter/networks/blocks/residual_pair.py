"""Residual block of two 3x3 convolutions (He et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from inpainter.networks.blocks.convolution_unit import convolution_unit


class ResidualPair(nn.Module):
    """Two convolutions with ReLU and a skip connection, `(N, C, H, W)` to `(N, C, H, W)`.

    He et al. apply the last ReLU to the sum; here it is applied to the residual.

    Args:
        channels: C.
        normalization: builds the normalisation after each convolution; None for none.
    """

    def __init__(
        self,
        channels: int,
        normalization: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            convolution_unit(channels, channels, normalization=normalization),
            convolution_unit(channels, channels, normalization=normalization),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        return features + self.residual(features)
