"""The U-Net baseline (Ronneberger et al. 2015)."""

from __future__ import annotations

import itertools
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.convolution_unit import convolution_unit


class UNetCompletionNetwork(CompletionNetwork):
    """A plain U-Net, the baseline that all other networks should beat.

    Ronneberger et al. 2015, with one convolution per level, batch normalisation, and a final
    sigmoid. Internally it works on the picture in [0, 1], black in the hole, with the hole as a
    fourth channel. By default 3,835,907 parameters, plus 2,944 batch statistics.

    Args:
        width: channels of the first level; they double with each halving of the side.
    """

    divisor: ClassVar[int] = 16

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList(
            convolution_unit(shallow, deep) for shallow, deep in itertools.pairwise([4, *widths])
        )
        upwards = list(itertools.pairwise(reversed(widths)))
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(deep, shallow, 2, stride=2) for deep, shallow in upwards
        )
        self.up = nn.ModuleList(convolution_unit(2 * shallow, shallow) for _, shallow in upwards)
        self.output = nn.Conv2d(width, 3, 1)

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        features = torch.cat([0.5 * (image + 1.0) * (1.0 - hole), hole], dim=1)
        levels: list[Tensor] = []
        for down in self.down:
            features = functional.max_pool2d(features, 2) if levels else features
            features = down(features)
            levels.append(features)
        features = levels.pop()
        for enlarge, up in zip(self.enlarge, self.up, strict=True):
            features = up(torch.cat([enlarge(features), levels.pop()], dim=1))
        return None, 2.0 * torch.sigmoid(self.output(features)) - 1.0
