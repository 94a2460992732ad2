"""GLCIC (Iizuka et al. 2017, "Globally and Locally Consistent Image Completion")."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.convolution_unit import convolution_unit, enlarging_unit


class GLCICCompletionNetwork(CompletionNetwork):
    """Encoder, dilated convolutions at a quarter of the resolution, decoder.

    Iizuka et al. 2017: 17 convolutions, batch normalisation and ReLU after all but the last.
    Internally it works on the picture in [0, 1], the hole filled with the training set's mean
    colour, and the hole as a fourth channel. With dilation, the receptive field of a position at a
    quarter of the resolution is 287 pixels, and that of an output pixel about 300. By default
    6,072,131 parameters.

    By default it deliberately differs from the authors' inference, see `subtract_mean`.

    Args:
        width: channels at full resolution; twice and four times that at half and a quarter of it.
        mean_colour: red, green and blue, 0 to 1, that fill the hole.
        subtract_mean: whether the mean colour is subtracted from the picture, as in the authors'
            inference, where the hole is 0.
        activation_first: whether ReLU comes before the normalisation, as in some public weights.
    """

    divisor: ClassVar[int] = 4

    mean_colour: Tensor

    def __init__(
        self,
        width: int = 64,
        mean_colour: Sequence[float] = (0.5, 0.5, 0.5),
        subtract_mean: bool = False,
        activation_first: bool = False,
    ) -> None:
        super().__init__()
        self.subtract_mean = subtract_mean
        half, quarter = 2 * width, 4 * width
        smaller = partial(convolution_unit, activation_first=activation_first)
        larger = partial(enlarging_unit, activation_first=activation_first)
        self.register_buffer(
            "mean_colour", torch.tensor(mean_colour).reshape(1, 3, 1, 1), persistent=False
        )
        self.layers = nn.Sequential(
            smaller(4, width, 5),
            smaller(width, half, stride=2),
            smaller(half, half),
            smaller(half, quarter, stride=2),
            smaller(quarter, quarter),
            smaller(quarter, quarter),
            *(smaller(quarter, quarter, dilation=dilation) for dilation in (2, 4, 8, 16)),
            smaller(quarter, quarter),
            smaller(quarter, quarter),
            larger(quarter, half),
            smaller(half, half),
            larger(half, width),
            smaller(width, width // 2),
            nn.Conv2d(width // 2, 3, 3, padding=1),
        )

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        filled = 0.5 * (image + 1.0) * (1.0 - hole) + self.mean_colour * hole
        if self.subtract_mean:
            filled = filled - self.mean_colour
        painted = self.layers(torch.cat([filled, hole], dim=1))
        return None, 2.0 * torch.sigmoid(painted) - 1.0
