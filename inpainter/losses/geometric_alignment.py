"""Geometric alignment (Hui et al. 2020, "Image Fine-grained Inpainting", DMFN)."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.losses.perceptual import FeatureLoss, VggFeatures, VggName
from inpainter.losses.regions import to_float32


def response_centres(features: Tensor) -> Tensor:
    """The centre of mass of each channel's response.

    Args:
        features: `(N, C, H, W)`, 0 and above, such as values after ReLU.

    Returns:
        `(N, C, 2)`: row i of H as 2 i / H - 1, and columns likewise; near the centre for a channel
        that does not respond.
    """
    # As in the paper's code: a silent channel responds equally everywhere.
    response = to_float32(features) + 1e-7
    total = response.sum(dim=(2, 3))
    rows, columns = (
        2.0 * torch.arange(side, dtype=response.dtype, device=response.device) / side - 1.0
        for side in response.shape[2:]
    )
    down = (response.sum(dim=3) * rows).sum(dim=2) / total
    across = (response.sum(dim=2) * columns).sum(dim=2) / total
    return torch.stack([down, across], dim=2)


class GeometricAlignmentLoss(FeatureLoss):
    """Mean squared difference of the rows and columns where a fixed network's channels respond.

    Eyes, nose and mouth drive different channels, so misplaced features are penalised even if they
    look right.

    Args:
        features: a module that returns a list of maps, all of which count; None builds
            `VggFeatures` from the options below.
        network: see `VggFeatures`.
        layer: the activation whose channels are aligned.
        weights: see `VggFeatures`.

    Raises:
        WeightsError: no features are given, and VGG's weights are not on this machine.
    """

    def __init__(
        self,
        features: nn.Module | None = None,
        network: VggName = "vgg19",
        layer: str = "relu4_1",
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        made = features if features is not None else VggFeatures(network, [layer], weights)
        super().__init__(made)

    def compare(self, fake: list[Tensor], real: list[Tensor]) -> Tensor:
        """Return the mean over layers of the mean squared difference of `response_centres`."""
        distances = [
            functional.mse_loss(response_centres(one), response_centres(other))
            for one, other in zip(fake, real, strict=True)
        ]
        return torch.stack(distances).mean()
