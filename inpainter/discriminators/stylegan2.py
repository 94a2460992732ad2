"""The residual discriminator of StyleGAN2 (Karras et al. 2020), given the hole too."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.blocks.blur import HalvingBlur, WideningBlur
from inpainter.networks.blocks.equalized import EqualizedConvolution, EqualizedLinear
from inpainter.networks.blocks.minibatch_std import MinibatchStd
from inpainter.networks.blocks.reparameterized_convolution import convolution_form
from inpainter.networks.blocks.resolutions import check_resolution, sides
from inpainter.networks.blocks.scaled_leaky_relu import scaled_leaky_relu
from inpainter.networks.blocks.separable_convolution import SeparableConvolution


class HalvingResidualBlock(nn.Module):
    """Two convolutions and a skip connection, `(N, C_in, H, W)` to `(N, C_out, H / 2, W / 2)`.

    Args:
        in_channels: C_in.
        out_channels: C_out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.blur = WideningBlur(in_channels)
        self.first = EqualizedConvolution(in_channels, in_channels)
        self.second = EqualizedConvolution(in_channels, out_channels, stride=2, padding=0)
        self.halving = HalvingBlur(in_channels)
        self.past = EqualizedConvolution(in_channels, out_channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H / 2, W / 2)`."""
        changed = self.blur(scaled_leaky_relu(self.first(features)))
        changed = scaled_leaky_relu(self.second(changed))
        past = self.past(self.halving(features))
        return (changed + past) / math.sqrt(2.0)


class HalvingSeparableBlock(nn.Module):
    """`HalvingResidualBlock` of separable convolutions.

    As in MI-GAN's code, both activations of the second convolution are divided by the square root
    of 2, so the skip connection has more weight than the convolutions.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        branches: tensors that are summed to give each weight.
    """

    def __init__(self, in_channels: int, out_channels: int, branches: int) -> None:
        super().__init__()
        self.changed = nn.Sequential(
            SeparableConvolution(in_channels, in_channels, branches=branches),
            SeparableConvolution(in_channels, out_channels, "halve", branches=branches),
        )
        self.past = nn.Sequential(
            HalvingBlur(in_channels),
            convolution_form(branches)(in_channels, out_channels, 1, bias=False),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H / 2, W / 2)`."""
        return self.changed(features) / 2.0 + self.past(features) / math.sqrt(2.0)


class StyleGAN2Discriminator(nn.Module):
    """Residual blocks down to 4x4 and one score for each picture.

    CoModGAN is trained against it, and MI-GAN against its separable form. At 256 it has 28,864,257
    parameters: StyleGAN2's and those for the hole channel. The score depends on the minibatch
    standard deviation, so real and completed pictures need separate batches.

    Args:
        resolution: side that the network is built for; with other sizes, the last map is resized.
        channel_base: a map of side r has `channel_base / r` channels.
        channel_limit: maximum channels of a map.
        separable: whether the convolutions are those of MI-GAN (Sargsyan et al. 2023).
        branches: tensors that are summed to give each weight of separable convolutions.
    """

    def __init__(
        self,
        resolution: int = 256,
        channel_base: int = 32768,
        channel_limit: int = 512,
        separable: bool = False,
        branches: int = 4,
    ) -> None:
        super().__init__()
        check_resolution(resolution)
        widths = [min(channel_base // side, channel_limit) for side in sides(resolution)]
        pairs = itertools.pairwise(widths)
        deepest = widths[-1]
        self.separable, self.deviation = separable, MinibatchStd()
        if separable:
            self.stem = convolution_form(branches)(4, widths[0], 1, bias=True)
            self.blocks = nn.ModuleList(HalvingSeparableBlock(*pair, branches) for pair in pairs)
            self.last: nn.Module = SeparableConvolution(deepest + 1, deepest, branches=branches)
        else:
            self.stem = EqualizedConvolution(4, widths[0], 1)
            self.blocks = nn.ModuleList(HalvingResidualBlock(*pair) for pair in pairs)
            self.last = EqualizedConvolution(deepest + 1, deepest)
        self.hidden = EqualizedLinear(16 * widths[-1], widths[-1])
        self.score = EqualizedLinear(widths[-1], 1)

    def forward(self, picture: Tensor, hole: Tensor) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1] with holes `(N, 1, H, W)`, 1 = missing.

        Returns:
            The features of each block, followed by the scores `(N, 1)`, logits.
        """
        features = scaled_leaky_relu(self.stem(torch.cat([picture, 0.5 - hole], dim=1)))
        maps = []
        for block in self.blocks:
            features = block(features)
            maps.append(features)
        features = self.last(self.deviation(features))
        if not self.separable:
            features = scaled_leaky_relu(features)
        if features.shape[2:] != (4, 4):
            features = functional.interpolate(features, (4, 4), mode="bilinear")
        features = scaled_leaky_relu(self.hidden(features.flatten(1)))
        return [*maps, self.score(features)]
