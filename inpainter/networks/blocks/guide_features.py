"""Features of a guide, to be added to a network's features."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

LANDMARK_CHANNELS: Final = 3
"""Channels of a landmark map."""

REFERENCE_CHANNELS: Final = 4
"""Channels of a photo of a face: RGB and where it shows the face."""

_GAIN: Final = 10.0
"""Gain that makes these weights learn faster than others: they start at zero, and the network would
otherwise learn to ignore the guide."""


class GuideFeatures(nn.Module):
    """Maps a guide to features to add to a smaller feature map.

    Its convolution starts at zero and has no bias, like ControlNet's (Zhang et al. 2023, "Adding
    Conditional Control to Text-to-Image Diffusion Models"): a pretrained network starts out
    unchanged, and an empty guide has no effect.

    Args:
        guide_channels: G.
        channels: C of the features.
        ratio: side of the guide over that of the features; even.
    """

    def __init__(self, guide_channels: int, channels: int, ratio: int) -> None:
        super().__init__()
        self.pooling = ratio // 2
        self.convolution = nn.Conv2d(4 * guide_channels, channels, 3, padding=1, bias=False)
        nn.init.zeros_(self.convolution.weight)

    def forward(self, guide: Tensor) -> Tensor:
        """Map a guide `(N, G, H, W)` in [0, 1] to `(N, C, H / ratio, W / ratio)`."""
        cells = functional.pixel_unshuffle(functional.avg_pool2d(guide, self.pooling), 2)
        said: Tensor = self.convolution(cells)
        return _GAIN * said


class FaceGuideFeatures(nn.Module):
    """Maps landmarks and, optionally, a photo of a face to features to add to a feature map.

    Args:
        channels: C of the features.
        ratio: side of the guide over that of the features; even.
        reference: whether the guide has a photo of a face after the landmarks.
    """

    def __init__(self, channels: int, ratio: int, reference: bool = False) -> None:
        super().__init__()
        self.landmarks = GuideFeatures(LANDMARK_CHANNELS, channels, ratio)
        self.reference = GuideFeatures(REFERENCE_CHANNELS, channels, ratio) if reference else None

    def forward(self, guide: Tensor) -> Tensor:
        """Map a guide `(N, 3 or 7, H, W)` in [0, 1] to `(N, C, H / ratio, W / ratio)`."""
        features: Tensor = self.landmarks(guide[:, :LANDMARK_CHANNELS])
        if self.reference is None:
            return features
        colours, shown = guide[:, LANDMARK_CHANNELS:-1], guide[:, -1:]
        # Centred, so that the sign of a weight says brighter or darker.
        photo = torch.cat([(2.0 * colours - 1.0) * shown, shown], dim=1)
        return features + self.reference(photo)
