"""Modulated deformable convolution (Zhu et al. 2019, "Deformable ConvNets v2")."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d


class DeformableConvolution(nn.Module):
    """A convolution whose kernel points have input-dependent offsets and weights.

    Maps `(N, C_in, H, W)` to `(N, C_out, H, W)`. One convolution predicts an offset in pixels for
    each kernel point at each position, another its weight, between 0 and 2. Both are initialised to
    zero, so the block starts as a plain convolution without bias.

    It always runs in float32, even under autocast and in half-precision networks, because sub-pixel
    offsets need the precision; torchvision has no half-precision operator for CPUs.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: odd side of the kernel.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.padding = kernel_size // 2
        points = kernel_size**2
        self.offset = nn.Conv2d(in_channels, 2 * points, kernel_size, padding=self.padding)
        self.modulation = nn.Conv2d(in_channels, points, kernel_size, padding=self.padding)
        for predictor in (self.offset, self.modulation):
            nn.init.zeros_(predictor.weight)
            nn.init.zeros_(predictor.bias)  # type: ignore[arg-type]
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        nn.init.kaiming_normal_(self.weight, nonlinearity="linear")

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H, W)`."""
        offset = self.offset(features)
        modulation = 2.0 * torch.sigmoid(self.modulation(features))
        # Autocast does not change the operator's precision.
        moved: Tensor = deform_conv2d(
            features.float().contiguous(),
            offset.float().contiguous(),
            self.weight.float(),
            padding=self.padding,
            mask=modulation.float().contiguous(),
        )
        return moved.to(features.dtype)
