"""Residual regression: a small network that predicts the correction of a masked picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.convolution_unit import convolution_unit
from inpainter.networks.blocks.residual_pair import ResidualPair
from inpainter.networks.blocks.saturation import saturate


class ResidualRegressionNetwork(CompletionNetwork):
    """Plain 3x3 convolutions that predict a correction and add it to the masked picture.

    A student's system, described in no paper. It regresses from masked faces to the same faces
    without masks. It works on the masked picture itself (`sees_hole`) and was never trained on
    blanked holes. The hole only selects which pixels of its output go into the completed picture.
    28,643 parameters.

    Internally, pictures are normalised by the mean and standard deviation of the training split,
    and denormalised at the end. A tanh limits the correction to one standard deviation.

    Args:
        mean: mean of each colour channel over the training split, in [-1, 1].
        deviation: standard deviation of each colour channel over the training split.
    """

    sees_hole: ClassVar[bool] = True

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        deviation: Sequence[float] = (0.5, 0.5, 0.5),
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).reshape(1, 3, 1, 1))
        self.error = nn.Sequential(
            convolution_unit(3, 16, normalization=None),
            convolution_unit(16, 32, normalization=None),
            ResidualPair(32, normalization=None),
            convolution_unit(32, 16, normalization=None),
            convolution_unit(16, 3, normalization=None, activation=nn.Tanh),
        )

    def paint(self, image: Tensor, _hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1] from the masked picture; the hole is ignored."""
        normalised = (image - self.mean) / self.deviation
        corrected = normalised + self.error(normalised)
        return None, saturate(corrected * self.deviation + self.mean)
