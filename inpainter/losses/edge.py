"""Matching edges found by the Sobel filter."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from inpainter.losses.regions import Region, RegionLoss, check_pair, to_float32, weighted_mean


def luma(picture: Tensor) -> Tensor:
    """Convert RGB `(N, 3, H, W)` to grey `(N, 1, H, W)` by Rec. 601; grey stays as it is."""
    if picture.shape[1] == 1:
        return picture
    share = picture.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (picture * share).sum(dim=1, keepdim=True)


def sobel_edges(picture: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Edge strength of the grey picture: sqrt(gx^2 + gy^2 + epsilon) - sqrt(epsilon).

    `epsilon` keeps the gradient finite where the picture is flat; without it one flat patch turns a
    whole training run into NaN.

    Args:
        picture: `(N, 3, H, W)` or `(N, 1, H, W)`, in any range.
        epsilon: above 0.

    Returns:
        `(N, 1, H, W)`, at least 0; a step of height 1 gives about 1. Borders are replicated.
    """
    slopes = sobel_slopes(picture)
    return (slopes.square().sum(dim=1, keepdim=True) + epsilon).sqrt() - epsilon**0.5


def sobel_slopes(picture: Tensor) -> Tensor:
    """Horizontal and vertical Sobel gradients of the grey picture.

    Args:
        picture: `(N, 3, H, W)` or `(N, 1, H, W)`, in any range.

    Returns:
        `(N, 2, H, W)`; a step of height 1 gives about 1. Borders are replicated.
    """
    grey = luma(to_float32(picture))
    smooth, slope = grey.new_tensor([1.0, 2.0, 1.0]), grey.new_tensor([-1.0, 0.0, 1.0])
    kernel = torch.stack([torch.outer(smooth, slope), torch.outer(slope, smooth)])[:, None] / 4.0
    return F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernel)


def edge_loss(
    result: Tensor, target: Tensor, weight: Tensor | None = None, epsilon: float = 1e-6
) -> Tensor:
    """Mean absolute difference of `sobel_edges`.

    Args:
        result: `(N, 3, H, W)` or `(N, 1, H, W)`.
        target: the same shape.
        weight: `(N, 1, H, W)`, see `weighted_mean`.
        epsilon: see `sobel_edges`.

    Raises:
        InputError: the shapes do not fit.
    """
    check_pair(result, target, weight)
    difference = sobel_edges(result, epsilon) - sobel_edges(target, epsilon)
    return weighted_mean(difference.abs(), weight)


class EdgeLoss(RegionLoss):
    """`edge_loss` over one region.

    Args:
        region: which part of the picture counts, see `L1Loss`.
        epsilon: see `sobel_edges`.

    Raises:
        ConfigurationError: the region is unknown.
    """

    def __init__(self, region: Region = "whole", epsilon: float = 1e-6) -> None:
        super().__init__(partial(edge_loss, epsilon=epsilon), region)
