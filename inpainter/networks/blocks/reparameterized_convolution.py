"""Convolution whose weight is a sum in training and merged for inference (Sargsyan et al. 2023)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional


class ReparameterizedConvolution(nn.Module):
    """A convolution trained as a sum of several and merged into one for inference.

    Maps `(N, C_in, H, W)` to `(N, C_out, H, W)`. In training, the weight is the sum of `branches`
    tensors, normalised to unit norm for each output channel; `merge` computes it once and returns
    an equivalent plain convolution.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: odd side of the kernel.
        groups: channel groups; C_in for a depthwise convolution.
        bias: whether a bias is learned.
        branches: number of tensors in the sum.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        groups: int = 1,
        *,
        bias: bool,
        branches: int = 4,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.groups = kernel_size, groups
        shape = (out_channels, in_channels // groups, kernel_size, kernel_size)
        self.weights = nn.ParameterList(torch.randn(shape) for _ in range(branches))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def merged_weight(self) -> Tensor:
        """The weight that the branches add up to, `(C_out, C_in / groups, K, K)`."""
        total = torch.stack(list(self.weights)).sum(dim=0) / math.sqrt(len(self.weights))
        energy = total.float().square().sum(dim=(1, 2, 3), keepdim=True)
        return total * torch.rsqrt(energy + 1e-8).to(total.dtype)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H, W)`."""
        weight = self.merged_weight()
        return functional.conv2d(
            features, weight, self.bias, padding=self.kernel_size // 2, groups=self.groups
        )

    @torch.no_grad()
    def merge(self) -> nn.Conv2d:
        """Return the equivalent plain convolution."""
        weight = self.merged_weight()
        plain = merged_convolution(
            self.in_channels,
            self.out_channels,
            self.kernel_size,
            self.groups,
            bias=self.bias is not None,
        ).to(weight.device, weight.dtype)
        plain.weight.copy_(weight)
        if self.bias is not None and plain.bias is not None:
            plain.bias.copy_(self.bias)
        return plain


def merged_convolution(
    in_channels: int, out_channels: int, kernel_size: int, groups: int = 1, *, bias: bool
) -> nn.Conv2d:
    """Build the plain form; arguments as for `ReparameterizedConvolution`.

    Like the other form, it is initialised to about unit norm for each output channel.
    """
    plain = nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        padding=kernel_size // 2,
        groups=groups,
        bias=bias,
    )
    nn.init.normal_(plain.weight, std=1.0 / math.sqrt(plain.weight[0].numel()))
    if plain.bias is not None:
        nn.init.zeros_(plain.bias)
    return plain


def convolution_form(branches: int) -> Callable[..., nn.Module]:
    """Return a constructor of convolutions with so many branches; plain ones for 1."""
    if branches == 1:
        return merged_convolution
    return partial(ReparameterizedConvolution, branches=branches)
