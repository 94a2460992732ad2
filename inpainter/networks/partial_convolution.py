"""Partial-convolution U-Net (Liu et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.partial_convolution import PartialConvolution
from weights.base.errors import ConfigurationError


class PartialConvolutionNetwork(CompletionNetwork):
    """U-Net of partial convolutions: the hole shrinks from layer to layer until it is gone.

    Liu et al. 2018, "Image Inpainting for Irregular Holes Using Partial Convolutions": strided
    kernels of 7, 5, 5, 3, ..., with ReLU; then nearest-neighbour upsampling and kernels of 3 over
    the decoder's and the skip's features and masks, with leaky ReLU of slope 0.2; batch
    normalisation everywhere but in the first and last layers. The hole is not an input channel,
    only a mask. Any size works, as each level is upsampled to the size of the one above.

    Deliberate difference: the paper's last layer is linear; here tanh keeps the result in [-1, 1].

    Args:
        width: channels of the first layer; they double twice or three times, up to 8 times that.
        depth: number of halvings. Eight take 512 pixels to 2; at least four.
        frozen_encoder_statistics: freeze the encoder's batch normalisation in training, both
            statistics and parameters, as in the paper's fine-tuning phase.

    Raises:
        ConfigurationError: the depth is less than four.
    """

    def __init__(
        self, width: int = 64, depth: int = 8, frozen_encoder_statistics: bool = False
    ) -> None:
        super().__init__()
        if depth < 4:
            raise ConfigurationError(f"depth of pconv must be 4 or more, but is {depth}.")
        widths = [3, *(width * 2 ** min(level, 3) for level in range(depth))]
        kernels = [7, 5, 5, *[3] * (depth - 3)]
        self.down = nn.ModuleList(
            PartialConvolution(widths[level], widths[level + 1], kernels[level], stride=2)
            for level in range(depth)
        )
        self.down_norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in widths[2:])
        self.up = nn.ModuleList(
            PartialConvolution(widths[level + 1] + widths[level], widths[level])
            for level in reversed(range(depth))
        )
        self.up_norms = nn.ModuleList(
            nn.BatchNorm2d(channels) for channels in reversed(widths[1:-1])
        )
        self.frozen_encoder_statistics = frozen_encoder_statistics
        if frozen_encoder_statistics:
            self.down_norms.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> PartialConvolutionNetwork:
        """Set the training mode; frozen statistics stay as they are."""
        super().train(mode)
        if self.frozen_encoder_statistics:
            self.down_norms.eval()
        return self

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        features, known = image, 1.0 - hole
        levels: list[tuple[Tensor, Tensor]] = []
        for index, down in enumerate(self.down):
            levels.append((features, known))
            features, known = down(features, known)
            if index > 0:
                features = self.down_norms[index - 1](features)
            features = functional.relu(features)
        for index, up in enumerate(self.up):
            beside, known_beside = levels.pop()
            size = beside.shape[2:]
            features = functional.interpolate(features, size, mode="nearest")
            known = functional.interpolate(known, size, mode="nearest")
            mask = torch.cat([known.expand_as(features), known_beside.expand_as(beside)], dim=1)
            features, known = up(torch.cat([features, beside], dim=1), mask)
            if levels:
                features = functional.leaky_relu(self.up_norms[index](features), 0.2)
        return None, torch.tanh(features)
