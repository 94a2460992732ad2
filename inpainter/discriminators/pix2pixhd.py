"""The patch discriminator of pix2pixHD (Wang et al. 2018), which LaMa is trained against."""

from __future__ import annotations

import itertools

from torch import Tensor, nn


class Pix2PixHDDiscriminator(nn.Module):
    """4x4 convolutions whose last map scores overlapping patches.

    Wang et al. 2018, "High-Resolution Image Synthesis and Semantic Manipulation with Conditional
    GANs". Inside, pictures are in [0, 1], for which LaMa's weights of features and slopes are made.
    6,962,369 parameters.

    Args:
        width: channels of the first layer; they double up to 512.
        layers: strided layers; two layers of stride 1 follow.
    """

    def __init__(self, width: int = 64, layers: int = 4) -> None:
        super().__init__()
        widths = [min(width << index, 8 * width) for index in range(layers + 1)]
        steps: list[nn.Module] = [
            nn.Sequential(nn.Conv2d(3, width, 4, stride=2, padding=2), nn.LeakyReLU(0.2))
        ]
        for index, (inner, outer) in enumerate(itertools.pairwise(widths), start=1):
            steps.append(
                nn.Sequential(
                    nn.Conv2d(inner, outer, 4, stride=2 if index < layers else 1, padding=2),
                    nn.BatchNorm2d(outer),
                    nn.LeakyReLU(0.2),
                )
            )
        steps.append(nn.Conv2d(widths[-1], 1, 4, padding=2))
        self.layers = nn.ModuleList(steps)

    def forward(self, picture: Tensor, hole: Tensor | None = None) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1]; a hole is not looked at.

        Returns:
            The features of each layer; the last map `(N, 1, h, w)` holds the scores, logits.
        """
        del hole
        maps = []
        features = 0.5 * (picture + 1.0)
        for layer in self.layers:
            features = layer(features)
            maps.append(features)
        return maps
