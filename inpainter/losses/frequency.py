"""Losses that look at each band of detail by itself, so that fine grain is not drowned."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainter.losses.regions import Region, RegionLoss, difference, to_float32, weighted_mean


def focal_frequency_loss(result: Tensor, target: Tensor, alpha: float = 1.0) -> Tensor:
    """Squared distance of the spectra, the more weighty the larger it is.

    Args:
        result: `(N, C, H, W)`.
        target: the same shape.
        alpha: power of the weight; 0 weighs all frequencies alike, which is the squared error.

    Returns:
        A scalar; by Parseval's theorem it is at most the squared error per pixel.

    Raises:
        InputError: the shapes do not fit.

    Source: Jiang et al. 2021, "Focal Frequency Loss for Image Reconstruction and Synthesis".
    """
    spectrum = torch.fft.fft2(difference(result, target), norm="ortho")
    distance = spectrum.real.square() + spectrum.imag.square()
    weight = distance.detach().pow(alpha / 2.0)
    largest = weight.amax(dim=(-2, -1), keepdim=True)
    weight = weight / largest.clamp_min(torch.finfo(weight.dtype).tiny)
    return (weight * distance).mean()


def laplacian_pyramid(picture: Tensor, levels: int = 5) -> list[Tensor]:
    """Split pictures into bands of detail, finest first; the last is what remains.

    Args:
        picture: `(N, C, H, W)`.
        levels: how many bands; fewer come when a side gets under 2 pixels.

    Returns:
        Tensors `(N, C, h, w)`, each half as large as the one before.

    Source: Burt and Adelson 1983, "The Laplacian Pyramid as a Compact Image Code".
    """
    bands: list[Tensor] = []
    current = to_float32(picture)
    channels = current.shape[1]
    line = current.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
    kernel = torch.outer(line, line).expand(channels, 1, 5, 5)
    while len(bands) < levels - 1 and min(current.shape[-2:]) >= 2:
        padded = F.pad(current, (2, 2, 2, 2), mode="replicate")
        smaller = F.conv2d(padded, kernel, stride=2, groups=channels)
        larger = F.interpolate(
            smaller, size=current.shape[-2:], mode="bilinear", align_corners=False
        )
        bands.append(current - larger)
        current = smaller
    bands.append(current)
    return bands


def laplacian_pyramid_loss(
    result: Tensor, target: Tensor, weight: Tensor | None = None, levels: int = 5
) -> Tensor:
    """Mean over bands of the mean absolute error of the `laplacian_pyramid`.

    Args:
        result: `(N, C, H, W)`.
        target: the same shape.
        weight: `(N, 1, H, W)`, see `weighted_mean`; it is averaged down to each band's size.
        levels: see `laplacian_pyramid`.

    Raises:
        InputError: the shapes do not fit.
    """
    terms = []
    for band in laplacian_pyramid(difference(result, target, weight), levels):
        size = (band.shape[2], band.shape[3])
        local = None if weight is None else F.adaptive_avg_pool2d(to_float32(weight), size)
        terms.append(weighted_mean(band.abs(), local))
    return torch.stack(terms).mean()


class FocalFrequencyLoss(nn.Module):
    """`focal_frequency_loss` of the whole picture.

    Args:
        alpha: power of the weight.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, result: Tensor, target: Tensor, hole: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Compare `(N, C, H, W)` pictures; the hole is not looked at. Gives a scalar."""
        return focal_frequency_loss(result, target, self.alpha)


class LaplacianPyramidLoss(RegionLoss):
    """`laplacian_pyramid_loss` over one region.

    Args:
        region: what part of the picture counts, see `L1Loss`.
        levels: how many bands.

    Raises:
        ConfigurationError: the region is unknown.
    """

    def __init__(self, region: Region = "whole", levels: int = 5) -> None:
        super().__init__(partial(laplacian_pyramid_loss, levels=levels), region)
