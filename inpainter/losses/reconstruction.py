"""Pixel-wise absolute and squared error, over the whole picture or part of it."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from torch import Tensor

from inpainter.losses.regions import (
    Region,
    RegionLoss,
    difference,
    weighted_mean,
    weighted_means,
)


def l1_loss(
    result: Tensor, target: Tensor, weight: Tensor | None = None, *, over_picture: bool = False
) -> Tensor:
    """Mean absolute error.

    Args:
        result: `(N, C, H, W)`.
        target: the same shape.
        weight: `(N, 1, H, W)`, such as the hole (1 = missing) to count only the hole; each picture
            is divided by its own sum of weights, see `weighted_mean`.
        over_picture: divide by the number of all pixels instead, see `weighted_mean`.

    Returns:
        A scalar; for pictures in [-1, 1] it is between 0 and 2.

    Raises:
        InputError: the shapes do not fit.
    """
    error = difference(result, target, weight).abs()
    return weighted_mean(error, weight, over_picture=over_picture)


def mse_loss(
    result: Tensor, target: Tensor, weight: Tensor | None = None, *, over_picture: bool = False
) -> Tensor:
    """Mean squared error; arguments as for `l1_loss`.

    Returns:
        A scalar; for pictures in [-1, 1] it is between 0 and 4.
    """
    error = difference(result, target, weight).square()
    return weighted_mean(error, weight, over_picture=over_picture)


def psnr_loss(
    result: Tensor, target: Tensor, weight: Tensor | None = None, *, over_picture: bool = False
) -> Tensor:
    """Negative peak signal-to-noise ratio, averaged over pictures; arguments as for `l1_loss`.

    Each picture's gradient is divided by its own squared error, so an outlier has no more weight
    than a nearly correct face; with plain squared error it would dominate the batch.

    Args:
        result: `(N, C, H, W)` in [-1, 1], whose peak is 2.
        target: the same shape.
        weight: `(N, 1, H, W)`.
        over_picture: as for `l1_loss`.

    Returns:
        A scalar in dB, lower is better; at least -80, which equal pictures give.

    Source: Chen et al. 2022, "Simple Baselines for Image Restoration" (NAFNet), whose loss it is.
    """
    error = difference(result, target, weight).square()
    means = weighted_means(error, weight, over_picture=over_picture)
    return 10.0 * (means / 4.0).clamp_min(1e-8).log10().mean()


class PixelLoss(RegionLoss):
    """A loss of this module over one region: "whole", "hole", "valid" or "discounted".

    Args:
        region: which part of the picture counts.
        gamma: factor per pixel of distance, for "discounted".
        reach: distances beyond this many pixels count as this many, for "discounted".
        over_picture: whether to divide the sum over the region by all pixels of the picture, as in
            some papers' code, so that a small region counts less, instead of by the region's
            pixels.

    Raises:
        ConfigurationError: the region is unknown.
    """

    pixel_loss: ClassVar[staticmethod[..., Tensor]]
    """The loss function, called with the region's weights."""

    def __init__(
        self,
        region: Region = "whole",
        gamma: float = 0.97,
        reach: int = 64,
        over_picture: bool = False,
    ) -> None:
        super().__init__(partial(self.pixel_loss, over_picture=over_picture), region, gamma, reach)


class L1Loss(PixelLoss):
    """`l1_loss` over one region."""

    pixel_loss = staticmethod(l1_loss)


class MSELoss(PixelLoss):
    """`mse_loss` over one region; GLCIC's own loss is the region "hole"."""

    pixel_loss = staticmethod(mse_loss)


class PSNRLoss(PixelLoss):
    """`psnr_loss` over one region."""

    pixel_loss = staticmethod(psnr_loss)
