"""Self-guided regression (Hui et al. 2020, "Image Fine-grained Inpainting", DMFN)."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainter.losses.perceptual import FeatureLoss, VggFeatures, VggName
from inpainter.losses.regions import difference, to_float32


@torch.no_grad()
def error_guidance(result: Tensor, target: Tensor) -> Tensor:
    """Rescale each picture's squared error to [0, 1].

    Args:
        result: `(N, C, H, W)`.
        target: the same shape.

    Returns:
        `(N, 1, H, W)`, without gradient; all 0 if the error is constant.

    Raises:
        InputError: the shapes do not fit.
    """
    error = difference(result, target).square().mean(dim=1, keepdim=True)
    least, greatest = error.amin(dim=(1, 2, 3), keepdim=True), error.amax((1, 2, 3), keepdim=True)
    return (error - least) / (greatest - least).clamp_min(torch.finfo(error.dtype).tiny)


class SelfGuidedLoss(FeatureLoss):
    """Distance of a fixed network's features, weighted by the picture's error.

    The sum over layers of 1000 / C^2 times the mean absolute difference, C being the layer's
    channels. In the first `guided_layers` layers each position is weighted by 1 + `error_guidance`,
    average-pooled to the layer's size: the paper's VGG feature matching and self-guided regression
    combined.

    Args:
        features: a module that returns a list of maps; None builds `VggFeatures` from the options
            below.
        guided_layers: number of layers, from the first, that are weighted by the error.
        network: see `VggFeatures`.
        layers: see `VggFeatures`.
        weights: see `VggFeatures`.

    Raises:
        WeightsError: no features are given, and VGG's weights are not on this machine.
    """

    def __init__(
        self,
        features: nn.Module | None = None,
        guided_layers: int = 2,
        network: VggName = "vgg19",
        layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        made = features if features is not None else VggFeatures(network, layers, weights)
        super().__init__(made)
        self.guided_layers = guided_layers

    def forward(self, result: Tensor, target: Tensor, hole: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Compare `(N, 3, H, W)` pictures in [-1, 1], ignoring the hole; returns a scalar."""
        guidance = error_guidance(result, target)
        with torch.no_grad():
            real = self.features(target)
        terms = []
        for place, (one, other) in enumerate(zip(self.features(result), real, strict=True)):
            distance = (to_float32(one) - to_float32(other)).abs()
            height, width = distance.shape[2:]
            if place < self.guided_layers:
                distance = distance * (1.0 + F.adaptive_avg_pool2d(guidance, (height, width)))
            terms.append(1000.0 / distance.shape[1] ** 2 * distance.mean())
        return torch.stack(terms).sum()
