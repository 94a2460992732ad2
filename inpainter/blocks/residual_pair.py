"""Two 3x3 convolutions that add to their input (He et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from inpainter.blocks.convolution_unit import convolution_unit

if TYPE_CHECKING:
    from collections.abc import Callable


class ResidualPair(nn.Module):
    """The original residual block: the sum is rectified, `(N, C, H, W)` to `(N, C, H, W)`.

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
            convolution_unit(channels, channels, normalization=normalization, activation=None),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        return functional.relu(features + self.residual(features))
