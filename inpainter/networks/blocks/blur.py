"""The fixed blur before each halving and after each doubling in networks of StyleGAN2's family.

Source: Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"; Karras et al. 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional


class Blur(nn.Module):
    """Blurs each channel with the binomial filter [1, 3, 3, 1] in both directions.

    The filter's weights `(C, 1, 4, 4)` are a buffer that is neither learned nor stored in weight
    files.

    Args:
        channels: C.
    """

    filter: Tensor
    stride: ClassVar[int] = 1
    padding: ClassVar[int] = 1
    gain: ClassVar[float] = 1.0
    """Factor of the output."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0
        kernel = self.gain * torch.outer(taps, taps)
        self.register_buffer("filter", kernel.repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Blur `(N, C, H, W)`."""
        return functional.conv2d(
            features, self.filter, None, self.stride, self.padding, groups=len(self.filter)
        )


class WideningBlur(Blur):
    """Blurs `(N, C, H, W)` to `(N, C, H + 1, W + 1)`, for a strided 3x3 convolution to halve."""

    padding = 2


class NarrowingBlur(Blur):
    """Blurs `(N, C, H, W)` to `(N, C, H - 1, W - 1)`, after a transposed 3x3 convolution.

    The gain of 4 compensates for the zeros that such a convolution puts between pixels.
    """

    gain = 4.0


class HalvingBlur(Blur):
    """Blurs `(N, C, H, W)` and keeps every other pixel: `(N, C, H / 2, W / 2)`."""

    stride = 2


class DoublingBlur(Blur):
    """Puts zeros between the pixels and blurs: `(N, C, H, W)` to `(N, C, 2 H, 2 W)`.

    The gain of 4 compensates for the zeros.
    """

    gain = 4.0

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, 2 H, 2 W)`."""
        # A strided transposed convolution is the blur of the map with zeros between its pixels.
        return functional.conv_transpose2d(
            features, self.filter, stride=2, padding=1, groups=len(self.filter)
        )


class PicturePyramid(nn.Module):
    """Sums layers of a picture, each twice as large as the previous one.

    Args:
        doublings: layers after the first.

    Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN".
    """

    def __init__(self, doublings: int) -> None:
        super().__init__()
        self.enlargements = nn.ModuleList(DoublingBlur(3) for _ in range(doublings))

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """Map layers `(N, 3, h, w)`, small to large, to a picture of the last one's size."""
        picture = layers[0]
        for enlarge, layer in zip(self.enlargements, layers[1:], strict=True):
            picture = enlarge(picture) + layer
        return picture
