"""Paired image-to-image network: a picture of a masked face in, one without the mask out."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.convolution_unit import convolution_unit
from inpainter.networks.blocks.residual_pair import ResidualPair


class PairedGanNetwork(CompletionNetwork):
    """Plain 3x3 convolutions at full size, trained on pairs.

    A student's system after Isola et al. 2017, "Image-to-Image Translation with Conditional
    Adversarial Networks". It works on the masked picture itself: what is inside the hole is seen
    (`sees_hole`), and a picture with a blank hole is something it never learned from. The hole only
    says which pixels of its output the completed picture takes. 57,779 parameters.
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

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Paint `(N, 3, H, W)` in [-1, 1] from the masked picture; the hole is not looked at."""
        del hole
        return None, self.layers(image)
