"""Losses that treat each frequency band separately, so that fine detail is not drowned out."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainter.losses.regions import Region, RegionLoss, difference, to_float32, weighted_mean


def focal_frequency_loss(result: Tensor, target: Tensor, alpha: float = 1.0) -> Tensor:
    """Squared distance between spectra, with larger errors weighted more.

    Args:
        result: `(N, C, H, W)`.
        target: the same shape.
        alpha: exponent of the weight; 0 weights all frequencies equally, giving the squared error.

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
    """Split pictures into frequency bands, finest first; the last is the residual.

    Args:
        picture: `(N, C, H, W)`.
        levels: number of bands; fewer if a side falls below 2 pixels.

    Returns:
        Tensors `(N, C, h, w)`, each half the size of the previous one.

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
        weight: `(N, 1, H, W)`, see `weighted_mean`; it is average-pooled to each band's size.
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
        alpha: exponent of the weight.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, result: Tensor, target: Tensor, hole: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Compare `(N, C, H, W)` pictures, ignoring the hole; returns a scalar."""
        return focal_frequency_loss(result, target, self.alpha)


class LaplacianPyramidLoss(RegionLoss):
    """`laplacian_pyramid_loss` over one region.

    Args:
        region: which part of the picture counts, see `L1Loss`.
        levels: number of bands.

    Raises:
        ConfigurationError: the region is unknown.
    """

    def __init__(self, region: Region = "whole", levels: int = 5) -> None:
        super().__init__(partial(laplacian_pyramid_loss, levels=levels), region)
