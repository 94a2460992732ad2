"""Two 3x3 convolutions that add to their input (He et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from inpainter.networks.blocks.convolution_unit import convolution_unit

if TYPE_CHECKING:
    from collections.abc import Callable


class ResidualPair(nn.Module):
    """Two convolutions, each rectified, add to their input, `(N, C, H, W)` to `(N, C, H, W)`.

    Where He et al. rectify the sum, the networks of this block rectify what is added.

    Args:
        channels: C.
        normalization: makes the normalisation after each convolution; None for none.
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
