"""A gated U-Net that does most of its work at 1/16 resolution."""

from __future__ import annotations

import itertools
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.gated_convolution import GatedConvolution
from inpainter.networks.blocks.guide_features import FaceGuideFeatures
from inpainter.networks.blocks.self_attention import SelfAttention

# Leaky ReLU costs a fifth of ELU's time on a CPU, and trains as well here.
ACTIVATION = partial(functional.leaky_relu, negative_slope=0.2)
"""Activation of the gated networks' features."""


class GatedResidualBlock(nn.Module):
    """Residual block of two gated convolutions, `(N, C, H, W)` to `(N, C, H, W)`.

    Args:
        channels: C.
        dilation: dilation of the first convolution.
    """

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = GatedConvolution(channels, channels, dilation=dilation, activation=ACTIVATION)
        self.second = GatedConvolution(channels, channels, activation=None)
        # Initialised near zero, so that a deep stack starts out as the identity.
        nn.init.normal_(self.second.convolution.weight, std=1e-3)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        residual: Tensor = self.second(self.first(features))
        return features + residual


class GatedUNet(CompletionNetwork):
    """Gated-convolution U-Net with self-attention at the bottleneck.

    Gated convolution after Yu et al. 2019, the U shape with skips after Ronneberger et al. 2015,
    sub-pixel input and output after Shi et al. 2016. Completing half a face needs the context of
    the whole face, which is cheap at 1/16 resolution: the wide, deep part of the network is there,
    and only the last convolution runs at full resolution.

    Args:
        width: channels at half resolution; they double with each halving.
        depth: residual blocks at the bottleneck.
        landmarks: whether it can be conditioned on landmarks of jaw, nose and lips, see
            `inpainter.data.landmark_map`.
        reference: whether it can be conditioned on these and on a photo of a face, see
            `inpainter.data.reference_map`.
    """

    divisor: ClassVar[int] = 16

    def __init__(
        self, width: int = 32, depth: int = 2, landmarks: bool = False, reference: bool = False
    ) -> None:
        super().__init__()
        self.guide = "reference" if reference else "landmarks" if landmarks else None
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.stem = GatedConvolution(4 * 4, width, activation=ACTIVATION)
        self.told = nn.ModuleList(
            FaceGuideFeatures(channels, ratio=2 ** (level + 1), reference=reference)
            for level, channels in enumerate(widths[:-1])
            if self.guide
        )
        self.down = nn.ModuleList(
            nn.Sequential(
                GatedConvolution(shallow, deep, stride=2, activation=ACTIVATION),
                GatedConvolution(deep, deep, activation=ACTIVATION)
                if deep != widths[-1]
                else nn.Identity(),
            )
            for shallow, deep in itertools.pairwise(widths)
        )
        blocks: list[nn.Module] = [
            GatedResidualBlock(widths[-1], dilation=1 + index % 2) for index in range(depth)
        ]
        blocks.insert(depth // 2, SelfAttention(widths[-1]))
        self.middle = nn.Sequential(*blocks)
        self.up = nn.ModuleList(
            nn.Sequential(
                GatedConvolution(deep + shallow, shallow, activation=ACTIVATION),
                GatedConvolution(shallow, shallow, activation=ACTIVATION),
            )
            for shallow, deep in reversed(list(itertools.pairwise(widths)))
        )
        self.enlarge = nn.Conv2d(width, 4 * (width // 2), 3, padding=1)
        self.output = nn.Conv2d(width // 2, 3, 3, padding=1)

    def paint(
        self, image: Tensor, hole: Tensor, guide: Tensor | None = None
    ) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        features = self.stem(functional.pixel_unshuffle(torch.cat([image, hole], dim=1), 2))
        skips = []
        for level, down in enumerate(self.down):
            if guide is not None:
                features = features + self.told[level](guide)
            skips.append(features)
            features = down(features)
        features = self.middle(features)
        for up in self.up:
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = up(torch.cat([features, skips.pop()], dim=1))
        features = functional.pixel_shuffle(self.enlarge(features), 2)
        return None, torch.tanh(self.output(ACTIVATION(features)))
