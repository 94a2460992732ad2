"""The residual discriminator of StyleGAN2 (Karras et al. 2020), which sees the hole too."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.blocks.blur import WideningBlur
from inpainter.blocks.equalized import EqualizedConvolution, EqualizedLinear
from inpainter.blocks.resolutions import check_resolution, sides
from inpainter.blocks.scaled_leaky_relu import scaled_leaky_relu


class HalvingResidualBlock(nn.Module):
    """Two convolutions and a way past them, `(N, C_in, H, W)` to `(N, C_out, H / 2, W / 2)`.

    Args:
        in_channels: C_in.
        out_channels: C_out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.blur = WideningBlur(in_channels)
        self.first = EqualizedConvolution(in_channels, in_channels)
        self.second = EqualizedConvolution(in_channels, out_channels, stride=2, padding=0)
        self.past = EqualizedConvolution(in_channels, out_channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H / 2, W / 2)`."""
        changed = self.blur(scaled_leaky_relu(self.first(features)))
        changed = scaled_leaky_relu(self.second(changed))
        past = self.past(functional.avg_pool2d(features, 2))
        return (changed + past) / math.sqrt(2.0)


class StyleGAN2Discriminator(nn.Module):
    """Residual blocks down to 4x4 and one score for each picture.

    CoModGAN and MI-GAN are trained against it. The statistics over a batch that StyleGAN2 adds to
    the last map are left out: true and completed pictures share their batches here.

    Args:
        resolution: side that the network is made for; others are resized at the last map.
        channel_base: a map of side r has `channel_base / r` channels.
        channel_limit: most channels of a map.
    """

    def __init__(
        self, resolution: int = 256, channel_base: int = 32768, channel_limit: int = 512
    ) -> None:
        super().__init__()
        check_resolution(resolution)
        widths = [min(channel_base // side, channel_limit) for side in sides(resolution)]
        self.stem = EqualizedConvolution(4, widths[0], 1)
        self.blocks = nn.ModuleList(
            HalvingResidualBlock(inner, outer) for inner, outer in itertools.pairwise(widths)
        )
        self.last = EqualizedConvolution(widths[-1], widths[-1])
        self.hidden = EqualizedLinear(16 * widths[-1], widths[-1])
        self.score = EqualizedLinear(widths[-1], 1)

    def forward(self, picture: Tensor, hole: Tensor) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1] with holes `(N, 1, H, W)`, 1 = missing.

        Returns:
            The features of each block, and last the scores `(N, 1)`, logits.
        """
        features = scaled_leaky_relu(self.stem(torch.cat([picture, 0.5 - hole], dim=1)))
        maps = []
        for block in self.blocks:
            features = block(features)
            maps.append(features)
        features = scaled_leaky_relu(self.last(features))
        if features.shape[2:] != (4, 4):
            features = functional.interpolate(features, (4, 4), mode="bilinear")
        features = scaled_leaky_relu(self.hidden(features.flatten(1)))
        return [*maps, self.score(features)]
