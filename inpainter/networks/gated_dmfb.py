"""A gated U-Net with dense multi-scale fusion blocks at its bottleneck, in three variants."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.dense_multi_scale_fusion import DenseMultiScaleFusion, Merging
from inpainter.networks.blocks.gated_convolution import normalized_gated_convolution as gated
from weights.base.errors import ConfigurationError

Variant = Literal["model1", "model2", "model3"]

_MERGING: dict[Variant, Merging] = {
    "model1": "sum",
    "model2": "concatenation",
    "model3": "concatenation",
}


def _enlarging(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Upsample(scale_factor=2.0), gated(in_channels, out_channels))


class GatedDMFBCompletionNetwork(CompletionNetwork):
    """Gated-convolution U-Net with a multi-scale bottleneck.

    The blocks after Hui et al. 2020, gated convolution after Yu et al. 2019 (with ReLU, and batch
    normalisation after the gate), the U shape after Ronneberger et al. 2015. The input is the
    picture, grey in the hole, with the hole as a fourth channel. By default 15,048,419 parameters;
    "model1" has 14,163,683.

    Args:
        variant: how gated convolutions merge the scales of a block: by sum in "model1", by
            concatenation in "model2"; "model3" is the network of "model2", trained by its recipe
            with an additional perceptual loss.
        width: channels at full resolution; twice and four times that at half and a quarter of it.
        depth: number of dense multi-scale fusion blocks.

    Raises:
        ConfigurationError: the variant is unknown.
    """

    divisor: ClassVar[int] = 4

    def __init__(self, variant: Variant = "model2", width: int = 64, depth: int = 4) -> None:
        super().__init__()
        if variant not in _MERGING:
            raise ConfigurationError(
                f"Unknown variant {variant!r} of gated-dmfb: use one of "
                f"{', '.join(get_args(Variant))}."
            )
        half, quarter = 2 * width, 4 * width
        self.full_down = gated(4, width, 5)
        self.half_down = gated(width, half, stride=2)
        self.quarter_down = nn.Sequential(gated(half, half), gated(half, quarter, stride=2))
        self.middle = nn.Sequential(
            gated(quarter, quarter),
            gated(quarter, quarter),
            *(
                DenseMultiScaleFusion.gated(quarter, width, merging=_MERGING[variant])
                for _ in range(depth)
            ),
            gated(quarter, quarter),
        )
        self.quarter_up = nn.Sequential(
            gated(2 * quarter, quarter),
            gated(quarter, quarter),
            _enlarging(quarter, half),
            gated(half, half),
        )
        self.half_up = nn.Sequential(
            gated(2 * half, half), gated(half, half), _enlarging(half, width), gated(width, width)
        )
        self.full_up = nn.Sequential(
            gated(2 * width, width), gated(width, width), gated(width, width // 2)
        )
        self.output = nn.Conv2d(width // 2, 3, 3, padding=1)

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        full = self.full_down(torch.cat([image, hole], dim=1))
        half = self.half_down(full)
        quarter = self.quarter_down(half)
        features = self.quarter_up(torch.cat([self.middle(quarter), quarter], dim=1))
        features = self.half_up(torch.cat([features, half], dim=1))
        features = self.full_up(torch.cat([features, full], dim=1))
        return None, torch.tanh(self.output(features))
