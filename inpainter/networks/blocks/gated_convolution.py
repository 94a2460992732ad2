"""Gated convolution (Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution")."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class GatedConvolution(nn.Module):
    """A convolution with a learned gate for every output value: `act(f) * sigmoid(g)`.

    One convolution computes the features f and the gates g, `(N, C_in, H, W)` to
    `(N, 2 * C_out, H', W')`, and the output is `(N, C_out, H', W')`. Padding keeps the size at
    stride 1.

    Args:
        in_channels: C_in.
        out_channels: C_out, after the split.
        kernel_size: odd side of the kernel.
        stride: step of the kernel.
        dilation: spacing of the kernel's points.
        activation: applied to the features; None for none.
        normalization: builds the normalisation of C_out channels that follows the gate; None for
            none.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        dilation: int = 1,
        activation: Callable[[Tensor], Tensor] | None = functional.elu,
        normalization: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            in_channels,
            2 * out_channels,
            kernel_size,
            stride,
            padding=dilation * (kernel_size - 1) // 2,
            dilation=dilation,
        )
        self.activation = activation
        self.normalization = None if normalization is None else normalization(out_channels)
        nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")
        nn.init.zeros_(self.convolution.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H', W')`."""
        values, gates = self.convolution(features).chunk(2, dim=1)
        if self.activation is not None:
            values = self.activation(values)
        gated = values * torch.sigmoid(gates)
        return gated if self.normalization is None else self.normalization(gated)


def normalized_gated_convolution(
    in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, dilation: int = 1
) -> GatedConvolution:
    """Build a gated convolution with ReLU before the gate and batch normalisation after it."""
    return GatedConvolution(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        dilation,
        activation=functional.relu,
        normalization=nn.BatchNorm2d,
    )
