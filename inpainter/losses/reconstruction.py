"""Pixel by pixel: absolute and squared error, over the whole picture or a part of it."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from inpainter.losses.regions import (
    Region,
    check_pair,
    check_region,
    region_weight,
    to_float32,
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
        weight: `(N, 1, H, W)`, such as the hole (1 = missing) to look at the hole only; each
            picture is divided by its own sum of weights, see `weighted_mean`.
        over_picture: divide by the number of all pixels instead, see `weighted_mean`.

    Returns:
        A scalar; for pictures in [-1, 1] it is between 0 and 2.

    Raises:
        InputError: the shapes do not fit.
    """
    check_pair(result, target, weight)
    difference = (to_float32(result) - to_float32(target)).abs()
    return weighted_mean(difference, weight, over_picture=over_picture)


def mse_loss(
    result: Tensor, target: Tensor, weight: Tensor | None = None, *, over_picture: bool = False
) -> Tensor:
    """Mean squared error; arguments as for `l1_loss`.

    Returns:
        A scalar; for pictures in [-1, 1] it is between 0 and 4.
    """
    check_pair(result, target, weight)
    difference = (to_float32(result) - to_float32(target)).square()
    return weighted_mean(difference, weight, over_picture=over_picture)


def psnr_loss(
    result: Tensor, target: Tensor, weight: Tensor | None = None, *, over_picture: bool = False
) -> Tensor:
    """Negative peak signal-to-noise ratio, the mean over the pictures; arguments as for `l1_loss`.

    A picture's gradient is divided by its own squared error, so that one strange face weighs no
    more than one that is nearly right; where only squared error counts, it is all that is seen of a
    batch.

    Args:
        result: `(N, C, H, W)` in [-1, 1], whose peak is 2.
        target: the same shape.
        weight: `(N, 1, H, W)`.
        over_picture: as for `l1_loss`.

    Returns:
        A scalar in dB, lower is better; at least -80, which equal pictures give.

    Source: Chen et al. 2022, "Simple Baselines for Image Restoration" (NAFNet), whose loss it is.
    """
    check_pair(result, target, weight)
    difference = (to_float32(result) - to_float32(target)).square()
    error = weighted_means(difference, weight, over_picture=over_picture)
    return 10.0 * (error / 4.0).clamp_min(1e-8).log10().mean()


class RegionLoss(nn.Module):
    """A loss of this module over one region: "whole", "hole", "valid" or "discounted".

    Args:
        region: what part of the picture counts.
        gamma: factor per pixel of distance, for "discounted".
        reach: largest distance that counts, for "discounted".
        over_picture: whether the sum over the region is divided by all pixels of the picture, as in
            some papers' code, so that a small region counts less; otherwise by the region's.

    Raises:
        ConfigurationError: the region is unknown.
    """

    compare: ClassVar[staticmethod[..., Tensor]]
    """The loss, given the region's weights."""

    def __init__(
        self,
        region: Region = "whole",
        gamma: float = 0.97,
        reach: int = 64,
        over_picture: bool = False,
    ) -> None:
        super().__init__()
        self.region, self.gamma, self.reach = check_region(region), gamma, reach
        self.over_picture = over_picture

    def forward(self, result: Tensor, target: Tensor, hole: Tensor | None = None) -> Tensor:
        """Compare `(N, C, H, W)` pictures; hole `(N, 1, H, W)`, 1 = missing. Gives a scalar."""
        weight = region_weight(hole, self.region, self.gamma, self.reach)
        return self.compare(result, target, weight, over_picture=self.over_picture)


class L1Loss(RegionLoss):
    """`l1_loss` over one region."""

    compare = staticmethod(l1_loss)


class MSELoss(RegionLoss):
    """`mse_loss` over one region; GLCIC's own loss is the region "hole"."""

    compare = staticmethod(mse_loss)


class PSNRLoss(RegionLoss):
    """`psnr_loss` over one region."""

    compare = staticmethod(psnr_loss)
