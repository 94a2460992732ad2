"""The patch discriminator of AOT-GAN (Zeng et al. 2022), which is to find the hole by itself."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

if TYPE_CHECKING:
    from collections.abc import Sequence


class SoftMaskDiscriminator(nn.Module):
    """4x4 convolutions whose last map scores overlapping patches; it does not see the hole.

    Zeng et al. 2022, "Aggregated Contextual Transformations for High-Resolution Image Inpainting",
    SM-PatchGAN. It learns to tell the blurred hole from the rest of a completed picture, which it
    could copy if it were given the hole. All layers but the last are spectrally normalised.
    2,763,777 parameters.

    Args:
        channels: output channels of the normalised layers; all but the last halve the side.
    """

    def __init__(self, channels: Sequence[int] = (64, 128, 256, 512)) -> None:
        super().__init__()
        strides = [2] * (len(channels) - 1) + [1]
        steps: list[nn.Module] = [
            nn.Sequential(
                spectral_norm(nn.Conv2d(inner, outer, 4, stride, padding=1, bias=False)),
                nn.LeakyReLU(0.2),
            )
            for (inner, outer), stride in zip(
                itertools.pairwise([3, *channels]), strides, strict=True
            )
        ]
        self.layers = nn.ModuleList([*steps, nn.Conv2d(channels[-1], 1, 4, padding=1)])

    def forward(self, picture: Tensor, hole: Tensor | None = None) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1]; a hole is not looked at.

        Returns:
            The features of each layer; the last map `(N, 1, h, w)` holds the scores, 1 for true and
            0 for painted.
        """
        del hole
        maps = []
        features = picture
        for layer in self.layers:
            features = layer(features)
            maps.append(features)
        return maps
