"""AOT-GAN: aggregated contextual transformations (Zeng et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.aggregated_contextual import AggregatedContextualBlock
from inpainter.networks.blocks.reflection import reflect


class AotGanNetwork(CompletionNetwork):
    """Aggregated contextual blocks at a quarter of the resolution.

    Zeng et al. 2022, "Aggregated Contextual Transformations for High-Resolution Image Inpainting".
    The network sees the picture with white in the hole, and the hole. 15,200,835 parameters.

    Deliberate difference in training: the generator is trained to be scored as real. The authors'
    code gives its output the label 1, which the discriminator uses for the hole, while real
    pictures have 0.

    Args:
        width: channels of the first convolution; they double with each halving.
        blocks: aggregated contextual blocks.
        dilations: dilation of each branch of a block.
    """

    divisor: ClassVar[int] = 4

    def __init__(
        self, width: int = 64, blocks: int = 8, dilations: Sequence[int] = (1, 2, 4, 8)
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, width, 7)
        self.down = nn.Sequential(
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1),
            nn.ReLU(),
        )
        self.middle = nn.Sequential(
            *(AggregatedContextualBlock(4 * width, dilations) for _ in range(blocks))
        )
        self.up = nn.ModuleList(
            [
                nn.Conv2d(4 * width, 2 * width, 3, padding=1),
                nn.Conv2d(2 * width, width, 3, padding=1),
            ]
        )
        self.output = nn.Conv2d(width, 3, 3, padding=1)

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        features = functional.relu(self.stem(reflect(torch.cat([image + hole, hole], dim=1), 3)))
        features = self.middle(self.down(features))
        for convolution in self.up:
            features = functional.interpolate(
                features, scale_factor=2.0, mode="bilinear", align_corners=True
            )
            features = functional.relu(convolution(features))
        return None, torch.tanh(self.output(features))
