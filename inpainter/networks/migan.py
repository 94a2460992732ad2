"""MI-GAN: a small, fast network of StyleGAN2's family (Sargsyan et al. 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.blur import PicturePyramid
from inpainter.networks.blocks.noise_injection import NoiseInjection
from inpainter.networks.blocks.reparameterized_convolution import (
    ReparameterizedConvolution,
    convolution_form,
)
from inpainter.networks.blocks.resolutions import check_resolution, sides
from inpainter.networks.blocks.saturation import saturate
from inpainter.networks.blocks.scaled_leaky_relu import scaled_leaky_relu
from inpainter.networks.blocks.separable_convolution import SeparableConvolution


class MiganNetwork(CompletionNetwork):
    """A U-Net of separable convolutions down to 4x4, without style or latent.

    Sargsyan et al. 2023, "MI-GAN: A Simple Baseline for Image Inpainting on Mobile Devices". A map
    of side r has min(32768 / r, 512) channels. The input is `[known - 0.5, picture]`, where known
    is 1 outside the hole; pictures of another side than `resolution` give a larger or smaller
    bottom map than 4x4.

    At 256, 5,943,617 numbers, of which 78,112 are fixed blur filters and 5,865,505 are learned;
    at 512, 5,973,366, of which 80,208 are fixed.

    With `branches=4`, the training form, each weight is a sum of tensors (see
    `ReparameterizedConvolution`); `merge` turns it into the plain form, which gives the same
    pictures and should be used for export.

    Args:
        resolution: side that the network is built for, a power of two from 8.
        channel_base: 32768; a map of side r has `channel_base / r` channels.
        channel_limit: maximum channels of a map.
        branches: tensors that are summed to give each weight; 1 for the merged form.
    """

    def __init__(
        self,
        resolution: int = 256,
        channel_base: int = 32768,
        channel_limit: int = 512,
        branches: int = 1,
    ) -> None:
        super().__init__()
        check_resolution(resolution)
        # The number of halvings depends on the resolution.
        self.divisor = resolution // 4  # type: ignore[misc]
        self.branches = branches

        def width(side: int) -> int:
            return min(channel_base // side, channel_limit)

        convolution = convolution_form(branches)
        self.stem = convolution(4, width(resolution), 1, bias=True)
        down = [side for side in sides(resolution) if side > 4]
        self.encoder = nn.ModuleList(
            SeparableConvolution(width(side), width(side), branches=branches) for side in down
        )
        self.down = nn.ModuleList(
            SeparableConvolution(width(side), width(side // 2), "halve", branches=branches)
            for side in down
        )
        bottom = width(4)
        self.middle = nn.ModuleList(
            SeparableConvolution(bottom, bottom, branches=branches) for _ in range(4)
        )
        up = down[::-1]
        self.up = nn.ModuleList(
            SeparableConvolution(
                width(side // 2), width(side), "double", NoiseInjection(side), branches
            )
            for side in up
        )
        self.decoder = nn.ModuleList(
            SeparableConvolution(width(side), width(side), None, NoiseInjection(side), branches)
            for side in up
        )
        self.to_picture = nn.ModuleList(
            convolution(width(side), 3, 1, bias=True) for side in [4, *up]
        )
        self.assemble = PicturePyramid(len(up))

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        return None, saturate(self.assemble(self.pyramid(image, hole)))

    def pyramid(self, image: Tensor, hole: Tensor) -> list[Tensor]:
        """Predict a layer at every side from 4 up, for knowledge distillation.

        Args:
            image: `(N, 3, H, W)` in [-1, 1], zero where `hole` is 1.
            hole: `(N, 1, H, W)`, 1 = missing.

        Returns:
            Layers `(N, 3, h, w)`, each twice as large as the previous one, for `assemble` to sum;
            not clamped.
        """
        known = 1.0 - hole
        features = scaled_leaky_relu(self.stem(torch.cat([known - 0.5, image], dim=1)))
        skips = []
        for level, down in zip(self.encoder, self.down, strict=True):
            features = level(features)
            skips.append(features)
            features = down(features)
        encode, deepen, rise, decode = self.middle
        features = encode(features)
        features = decode(rise(deepen(features)) + features)
        layers = [self.to_picture[0](features)]
        for up, level, to_picture in zip(self.up, self.decoder, self.to_picture[1:], strict=True):
            features = level(up(features) + skips.pop())
            layers.append(to_picture(features))
        return layers

    def merge(self) -> MiganNetwork:
        """Turn the training form into the plain form, in place, and return the network.

        The output stays the same. A weight file of the result belongs to `branches=1`.
        """
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, ReparameterizedConvolution):
                    setattr(module, name, child.merge())
        self.branches = 1
        return self
