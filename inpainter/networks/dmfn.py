"""DMFN (Hui et al. 2020, "Image Fine-grained Inpainting")."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.convolution_unit import convolution_unit, enlarging_unit
from inpainter.networks.blocks.dense_multi_scale_fusion import DenseMultiScaleFusion


class DMFNCompletionNetwork(CompletionNetwork):
    """Dense multi-scale fusion network: one stage, with many receptive fields at 1/4 resolution.

    Hui et al. 2020: instance normalisation without learned scales, then ReLU, after all
    convolutions but the first, which is not normalised, and the last, which ends in tanh. The input
    is the picture, grey in the hole, with the hole as a fourth channel. By default 9,037,443
    parameters.

    Deliberate differences in training: the losses' VGG subtracts ImageNet's mean m, where the
    authors' code subtracts m - 1 from pictures in [-1, 1]; and geometric alignment uses rows and
    columns, where that code uses the columns twice.

    Args:
        width: channels at full resolution; twice and four times that at half and a quarter of it.
        depth: number of dense multi-scale fusion blocks.
    """

    # 4 would do for the strides, but a single position has no variance to normalise by.
    divisor: ClassVar[int] = 8

    def __init__(self, width: int = 64, depth: int = 8) -> None:
        super().__init__()
        half, quarter, norm = 2 * width, 4 * width, nn.InstanceNorm2d
        self.layers = nn.Sequential(
            convolution_unit(4, width, 5, normalization=None),
            convolution_unit(width, half, stride=2, normalization=norm),
            convolution_unit(half, half, normalization=norm),
            convolution_unit(half, quarter, stride=2, normalization=norm),
            *(DenseMultiScaleFusion.plain(quarter, width) for _ in range(depth)),
            convolution_unit(quarter, quarter, normalization=norm),
            enlarging_unit(quarter, half, normalization=norm),
            convolution_unit(half, half, normalization=norm),
            enlarging_unit(half, width, normalization=norm),
            convolution_unit(width, width, normalization=norm),
            nn.Conv2d(width, 3, 3, padding=1),
        )

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        return None, torch.tanh(self.layers(torch.cat([image, hole], dim=1)))
