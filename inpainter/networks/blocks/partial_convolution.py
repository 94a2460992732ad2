"""Partial convolution.

Source: Liu et al. 2018, "Image Inpainting for Irregular Holes Using Partial Convolutions".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from weights.base.errors import InputError


class PartialConvolution(nn.Module):
    """A convolution over known values only that also returns the updated mask.

    Where the kernel's window holds at least one known value, the output is `W (x * m) / share + b`
    with x the values, m their mask, and share the known fraction of the window; the position is
    known from then on. Elsewhere the output is 0 and the position stays unknown. Padding counts as
    unknown.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: odd side of the kernel.
        stride: stride of the kernel; sides it does not divide are rounded up.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, (kernel_size - 1) // 2, bias=False
        )
        self.bias = nn.Parameter(torch.zeros(out_channels))
        nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")

    def forward(self, features: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve the known part of a feature map.

        Args:
            features: `(N, C_in, H, W)`.
            known: `(N, 1, H, W)` or `(N, C_in, H, W)`, 1 = known, 0 = unknown.

        Returns:
            The features `(N, C_out, H', W')` and their mask `(N, 1, H', W')`, 1 = known.

        Raises:
            InputError: the mask does not fit the features.
        """
        channels = features.shape[1]
        if known.shape[1] not in {1, channels} or known[:, :1].shape != features[:, :1].shape:
            raise InputError(
                f"The mask of a partial convolution over {tuple(features.shape)} must have that "
                f"shape or one channel, but has {tuple(known.shape)}."
            )
        convolved = self.convolution(features * known)
        # The mask's mean over channels and window, padding included, is the paper's sum(M) /
        # sum(1).
        kernel, stride, padding = (
            self.convolution.kernel_size,
            self.convolution.stride,
            self.convolution.padding,
        )
        mean = known if known.shape[1] == 1 else known.sum(dim=1, keepdim=True) / channels
        share = functional.avg_pool2d(mean, kernel, stride, padding)  # type: ignore[arg-type]
        seen = (share > 0).to(convolved.dtype)
        # A window without known values gives 0, which dividing by 1 preserves.
        scaled = convolved / (share + (1.0 - seen)).to(convolved.dtype)
        return scaled + self.bias[:, None, None].to(scaled.dtype) * seen, seen
