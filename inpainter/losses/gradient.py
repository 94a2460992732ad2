"""Matching in the gradient domain: first differences, and the Laplacian of Poisson's equation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from inpainter.losses.regions import Region, RegionLoss, difference, weighted_mean


def _differences(picture: Tensor) -> Tensor:
    """Forward differences across and down `(N, 2C, H, W)`; 0 in the last column and row."""
    across = F.pad(picture[..., :, 1:] - picture[..., :, :-1], (0, 1))
    down = F.pad(picture[..., 1:, :] - picture[..., :-1, :], (0, 0, 0, 1))
    return torch.cat([across, down], dim=1)


def _laplacian(picture: Tensor) -> Tensor:
    """Sum of the four neighbours minus four times the pixel; borders are replicated."""
    channels = picture.shape[1]
    kernel = picture.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    return F.conv2d(
        F.pad(picture, (1, 1, 1, 1), mode="replicate"),
        kernel.expand(channels, 1, 3, 3),
        groups=channels,
    )


def gradient_loss(result: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean absolute error of the differences between neighbouring pixels.

    A constant added to the result changes nothing: only contrast and edges are compared.

    Args:
        result: `(N, C, H, W)`.
        target: the same shape.
        weight: `(N, 1, H, W)`, see `weighted_mean`.

    Raises:
        InputError: the shapes do not fit.
    """
    return weighted_mean(_differences(difference(result, target, weight)).abs(), weight)


def poisson_loss(result: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean squared error of the Laplacian: the residual of Poisson's equation.

    With the hole as weight, the Laplacian at the hole's rim reaches across it, so a seam is
    penalised.

    Args:
        result: `(N, C, H, W)`.
        target: the same shape.
        weight: `(N, 1, H, W)`, see `weighted_mean`.

    Raises:
        InputError: the shapes do not fit.

    Source: Perez et al. 2003, "Poisson Image Editing", as a loss.
    """
    return weighted_mean(_laplacian(difference(result, target, weight)).square(), weight)


class GradientLoss(RegionLoss):
    """`gradient_loss` over one region, see `L1Loss`.

    Raises:
        ConfigurationError: the region is unknown.
    """

    def __init__(self, region: Region = "whole") -> None:
        super().__init__(gradient_loss, region)


class PoissonLoss(RegionLoss):
    """`poisson_loss` over one region, see `L1Loss`.

    Raises:
        ConfigurationError: the region is unknown.
    """

    def __init__(self, region: Region = "hole") -> None:
        super().__init__(poisson_loss, region)
