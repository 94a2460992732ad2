"""Paired image-to-image network: a picture of a masked face in, one without the mask out."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.convolution_unit import convolution_unit
from inpainter.networks.blocks.residual_pair import ResidualPair


class PairedGanNetwork(CompletionNetwork):
    """Plain 3x3 convolutions at full resolution, trained on pairs.

    A student's system after Isola et al. 2017, "Image-to-Image Translation with Conditional
    Adversarial Networks". It works on the masked picture itself (`sees_hole`) and was never trained
    on blanked holes. The hole only selects which pixels of its output go into the completed
    picture. 57,779 parameters.
    """

    sees_hole: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            convolution_unit(3, 16),
            convolution_unit(16, 32),
            ResidualPair(32),
            convolution_unit(32, 64),
            convolution_unit(64, 16),
            ResidualPair(16),
            convolution_unit(16, 8, normalization=None),
            convolution_unit(8, 3, normalization=None, activation=nn.Tanh),
        )

    def paint(self, image: Tensor, _hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1] from the masked picture; the hole is ignored."""
        return None, self.layers(image)
