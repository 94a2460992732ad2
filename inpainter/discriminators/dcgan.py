"""The discriminator of the random face generator (Radford et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from inpainter.blocks.convolution_unit import convolution_unit

if TYPE_CHECKING:
    from collections.abc import Sequence


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


class DcganDiscriminator(nn.Module):
    """Four strided 5x5 convolutions and two fully connected layers, for faces of 64x64 pixels.

    Args:
        channels: output channels of the convolutions; each halves the side.
        hidden: outputs of the first fully connected layer.
    """

    def __init__(self, channels: Sequence[int] = (16, 32, 64, 128), hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            convolution_unit(inner, outer, 5, stride=2, activation=_leaky)
            for inner, outer in zip([3, *channels[:-1]], channels, strict=True)
        )
        area = (64 >> len(channels)) ** 2
        self.score = nn.Sequential(
            nn.Flatten(), nn.Linear(channels[-1] * area, hidden), _leaky(), nn.Linear(hidden, 1)
        )

    def forward(self, picture: Tensor, hole: Tensor | None = None) -> list[Tensor]:
        """Score faces `(N, 3, 64, 64)` in [-1, 1]; a hole is not looked at.

        Returns:
            The features of each layer and last the scores `(N, 1)`, logits: the paper's sigmoid is
            in the loss.
        """
        del hole
        maps = []
        features = picture
        for layer in self.layers:
            features = layer(features)
            maps.append(features)
        return [*maps, self.score(features)]
