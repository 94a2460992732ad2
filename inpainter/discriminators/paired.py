"""The discriminator of the paired image-to-image network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from inpainter.blocks.convolution_unit import convolution_unit

if TYPE_CHECKING:
    from collections.abc import Sequence


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


class PairedDiscriminator(nn.Module):
    """Nine blocks of convolution, BatchNorm, LeakyReLU and max-pooling, down to one score.

    Made for pictures of 512x512, where the last map is a single pixel; larger ones give several
    scores, and in smaller ones the last poolings find nothing left to halve. 174,711 parameters.

    Args:
        channels: output channels of the blocks; each halves the side.
    """

    def __init__(self, channels: Sequence[int] = (64, 128, 64, 32, 16, 8, 4, 2, 1)) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                convolution_unit(inner, outer, activation=_leaky), nn.MaxPool2d(2, ceil_mode=True)
            )
            for inner, outer in zip([3, *channels[:-1]], channels, strict=True)
        )

    def forward(self, picture: Tensor, hole: Tensor | None = None) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1]; a hole is not looked at.

        Returns:
            The features of each block; the last, `(N, 1, H / 512, W / 512)`, holds the scores,
            logits: the sigmoid is in the loss.
        """
        del hole
        maps = []
        features = picture
        for layer in self.layers:
            features = layer(features)
            maps.append(features)
        return maps
