"""SN-PatchGAN (Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

if TYPE_CHECKING:
    from collections.abc import Sequence


class SNPatchDiscriminator(nn.Module):
    """Strided, spectrally normalised convolutions; each element of the last map is a score.

    With the defaults SN-PatchGAN's 5,946,816 parameters. `channels=(64, 128, 256, 256, 256),
    kernel_size=4, last_stride=1` makes the discriminator of `gated-dmfb`, whose sigmoid belongs to
    the loss.

    Args:
        channels: output channels of each layer; each halves the side.
        in_channels: picture and hole together.
        kernel_size: side of the kernels.
        last_stride: step of the last layer's kernel; 1 keeps the side instead of halving it.
        last_activation: whether the scores go through the leaky ReLU too, as in the released code.
    """

    def __init__(
        self,
        channels: Sequence[int] = (64, 128, 256, 256, 256, 256),
        in_channels: int = 4,
        kernel_size: int = 5,
        last_stride: int = 2,
        last_activation: bool = False,
    ) -> None:
        super().__init__()
        self.last_activation = last_activation
        inputs = [in_channels, *channels[:-1]]
        strides = [2] * (len(channels) - 1) + [last_stride]
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(inner, outer, kernel_size, stride, (kernel_size - 1) // 2))
            for inner, outer, stride in zip(inputs, channels, strides, strict=True)
        )
        # A kernel of an even side keeps the map's by one zero more below and on the right.
        self.last_padding = int(last_stride == 1 and kernel_size % 2 == 0)

    def forward(self, picture: Tensor, hole: Tensor) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1] with holes `(N, 1, H, W)`.

        Returns:
            The features of each layer, for feature matching; the last map `(N, C, H / 2^L, W /
            2^L)` holds the scores.
        """
        features = torch.cat([picture, hole], dim=1)
        maps = []
        for index, layer in enumerate(self.layers, start=1):
            last = index == len(self.layers)
            if last and self.last_padding:
                features = functional.pad(features, (0, self.last_padding, 0, self.last_padding))
            features = layer(features)
            if self.last_activation or not last:
                features = functional.leaky_relu(features, 0.2)
            maps.append(features)
        return maps
