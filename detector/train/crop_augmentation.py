"""Augments stored crops: rotation, dyes, shadows, occlusion, blur and compression."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from detector.find.letterbox import PADDING_GREY
from weights.images.decoding import compress_jpeg

MARGIN = 1.25
"""Side of a stored crop relative to the network's input, leaving room for rotation, shift and
scale."""

_SINGLE_STRAND = 0.025
"""Half-width up to which a strand over a mask counts as mask, in sides of the crop."""

_SURROUNDINGS = 0.12
"""How far round a mask the skin is sampled for a dye, in sides of the crop."""

_GREY = PADDING_GREY / 255.0


def augment(pictures: Tensor, outlines: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Rotate, shift, scale, mirror, dye, shade, occlude and recolour each stored crop at random.

    Args:
        pictures: `(N, 3, M, M)` in [0, 1], stored with a margin.
        outlines: `(N, P, M, M)` in [0, 1], P planes per crop.
        size: side of the result.

    Returns:
        Pictures `(N, 3, size, size)` and outlines `(N, P, size, size)`, both in [0, 1].
    """
    count, device = len(pictures), pictures.device
    scale = torch.exp(_normal(pictures, 0.12)) / MARGIN
    stretch = torch.exp(_normal(pictures, 0.05))
    angle = _normal(pictures, 0.15)
    mirrored = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
    affine = torch.zeros(count, 2, 3, device=device)
    affine[:, 0, 0] = scale * stretch * torch.cos(angle) * mirrored
    affine[:, 0, 1] = -scale * torch.sin(angle)
    affine[:, 1, 0] = scale * torch.sin(angle) * mirrored
    affine[:, 1, 1] = scale / stretch * torch.cos(angle)
    affine[:, :, 2] = _normal(pictures, 0.07, 2)
    pictures, outlines = _resampled(pictures, outlines, affine, size)
    pictures = cast_shadow(dye(dye(pictures, outlines), outlines))
    pictures, outlines = cross_by_strands(pictures, outlines)
    return vary_photograph(pictures), outlines


def vary_photograph(pictures: Tensor) -> Tensor:
    """Downscale, blur, recolour, add grain to and compress pictures `(N, 3, S, S)` in [0, 1]."""
    pictures = _change_some(_change_some(pictures, 0.35, _downscaled), 0.25, _blurred)
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = (pictures - mean) * (1.0 + _normal(pictures, 0.15, 1, 1, 1)) + mean
    pictures = pictures * torch.exp(_normal(pictures, 0.25, 1, 1, 1))
    pictures = pictures * (1.0 + _normal(pictures, 0.05, 3, 1, 1))
    grey = _chosen(pictures, 0.12) > 0.0
    pictures = torch.where(grey, pictures.mean(dim=1, keepdim=True), pictures)
    noise = _uniform(pictures, 0.0, 0.03) * torch.randn_like(pictures)
    return _change_some((pictures + noise).clamp(0.0, 1.0), 0.4, _compressed)


def centred(pictures: Tensor, outlines: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Crop the centre, as the network sees it in use; arguments and result as for `augment`."""
    affine = torch.zeros(len(pictures), 2, 3, device=pictures.device)
    affine[:, 0, 0] = affine[:, 1, 1] = 1.0 / MARGIN
    return _resampled(pictures, outlines, affine, size)


def _resampled(
    pictures: Tensor, outlines: Tensor, affine: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    grid = functional.affine_grid(affine, [len(pictures), 3, size, size], align_corners=False)
    # Grey beyond a rotated crop, as past a picture's frame.
    shown = functional.grid_sample(pictures - _GREY, grid, align_corners=False) + _GREY
    return shown, functional.grid_sample(outlines, grid, align_corners=False)


def cross_by_strands(
    pictures: Tensor, outlines: Tensor, share: float = 0.3
) -> tuple[Tensor, Tensor]:
    """Draw a bent strand over some crops, like hair, cords and fingers over masks.

    A strand shows the surroundings of another crop in the batch: hair, clothes, skin. A wide one
    splits a mask and is not part of it; a single hair counts as mask.

    Args:
        pictures: `(N, 3, S, S)` in [0, 1].
        outlines: `(N, P, S, S)` in [0, 1].
        share: fraction of crops that get one.
    """
    size = pictures.shape[-1]
    half_width = _uniform(pictures, 0.01, 0.09)
    within = (half_width - _distance_to_arc(pictures).abs()) * size
    strand = within.clamp(0.0, 1.0) * _chosen(pictures, share)
    shown = pictures.roll(1, dims=0).roll((size // 2, size // 2), dims=(2, 3))
    wide = (half_width > _SINGLE_STRAND).to(outlines.dtype)
    return pictures + strand * (shown - pictures), outlines * (1.0 - wide * strand)


def dye(pictures: Tensor, outlines: Tensor, share: float = 0.25) -> Tensor:
    """Dye the masks of some crops, most on only one side of an arc, as if made of two cloths.

    Folds are kept. Half of the dyes have the colour of the mask's surroundings: skin-coloured masks
    and light patches on printed ones have the weakest edges.

    Args:
        pictures: `(N, 3, S, S)` in [0, 1].
        outlines: `(N, P, S, S)` in [0, 1], the masks in the first plane.
        share: fraction of crops that are dyed; those without an outline never are.
    """
    size = pictures.shape[-1]
    masks = outlines[:, :1]
    reach = 2 * round(_SURROUNDINGS * size) + 1
    round_it = functional.max_pool2d(masks, reach, stride=1, padding=reach // 2) - masks
    brightness = pictures.mean(dim=1, keepdim=True)
    level = _mean_over(brightness, masks)
    skin = _mean_over(pictures, round_it) * _uniform(pictures, 0.6, 1.4)
    colour = torch.where(_uniform(pictures, 0.0, 1.0) < 0.5, skin, torch.rand_like(skin))
    folds = ((brightness + 0.03) / (level + 0.03)).clamp(0.2, 1.6)
    side = (_distance_to_arc(pictures) * size).clamp(0.0, 1.0)
    part = torch.maximum(side, _chosen(pictures, 0.3))
    amount = _chosen(pictures, share) * part * masks * _uniform(pictures, 0.5, 1.0)
    return pictures + amount * ((colour * folds).clamp(0.0, 1.0) - pictures)


def _mean_over(pictures: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean colours `(N, C, 1, 1)` by weights `(N, 1, S, S)`; 0 if all weights are 0."""
    total = weights.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)
    return (pictures * weights).sum(dim=(2, 3), keepdim=True) / total


def cast_shadow(pictures: Tensor, share: float = 0.3) -> Tensor:
    """Darken some pictures `(N, 3, S, S)` on one side of an arc, like light from the side.

    Args:
        pictures: in [0, 1].
        share: fraction of them.
    """
    softness = _uniform(pictures, 0.005, 0.2)
    lit = torch.sigmoid(_distance_to_arc(pictures) / softness)
    dark = _uniform(pictures, 0.06, 0.8)
    return pictures * (1.0 - _chosen(pictures, share) * (1.0 - dark) * (1.0 - lit))


def _distance_to_arc(pictures: Tensor) -> Tensor:
    """Signed distance `(N, 1, S, S)` of pixels to an arc through each crop, in crop sides."""
    size, device = pictures.shape[-1], pictures.device
    places = (torch.arange(size, device=device) + 0.5) / size - 0.5
    angle = _uniform(pictures, 0.0, 2.0 * math.pi)
    across, down = places[None, :], places[:, None]
    along = torch.cos(angle) * across + torch.sin(angle) * down
    aside = torch.cos(angle) * down - torch.sin(angle) * across
    return aside - _uniform(pictures, -0.3, 0.3) - _uniform(pictures, -0.8, 0.8) * along.square()


def _normal(pictures: Tensor, deviation: float, *shape: int) -> Tensor:
    """Normally distributed numbers `(N, *shape)` around 0, different for each picture."""
    return deviation * torch.randn(len(pictures), *shape, device=pictures.device)


def _uniform(pictures: Tensor, low: float, high: float) -> Tensor:
    """A uniform random number `(N, 1, 1, 1)` for each picture."""
    return low + (high - low) * torch.rand(len(pictures), 1, 1, 1, device=pictures.device)


def _chosen(pictures: Tensor, share: float) -> Tensor:
    """1.0 for a random fraction of the pictures, 0.0 for the others, `(N, 1, 1, 1)`."""
    return (_uniform(pictures, 0.0, 1.0) < share).to(pictures.dtype)


def _change_some(pictures: Tensor, share: float, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change a random fraction of the pictures, each `(3, S, S)` separately."""
    changed = pictures.clone()
    for index in torch.nonzero(torch.rand(len(pictures)) < share)[:, 0].tolist():
        changed[index] = change(pictures[index])
    return changed


def _downscaled(picture: Tensor) -> Tensor:
    """Reduce a picture's resolution to that of small faces."""
    size = picture.shape[-1]
    side = int(torch.randint(size // 6, max(size // 6 + 1, 3 * size // 4), ()))
    small = functional.interpolate(picture[None], size=(side, side), mode="area")
    return functional.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)[0]


def _blurred(picture: Tensor) -> Tensor:
    """Blur a picture, out of focus or by camera motion."""
    pixels = picture.permute(1, 2, 0).cpu().numpy()
    reach = float(torch.rand(())) * 0.012 * pixels.shape[0]
    if float(torch.rand(())) < 0.5:
        blurred = cv2.GaussianBlur(pixels, (0, 0), 0.4 + reach)
    else:
        blurred = cv2.filter2D(pixels, -1, _motion_kernel(2.0 + 3.0 * reach))
    return torch.from_numpy(blurred).permute(2, 0, 1)


def _motion_kernel(length: float) -> NDArray[np.float32]:
    """Kernel of a line through the centre, at any angle, that sums to one."""
    half = math.ceil(length / 2)
    angle = math.pi * float(torch.rand(()))
    across, down = np.meshgrid(np.arange(-half, half + 1), np.arange(-half, half + 1))
    along = math.cos(angle) * across + math.sin(angle) * down
    aside = math.cos(angle) * down - math.sin(angle) * across
    weights = np.clip(1.0 - np.abs(aside), 0.0, 1.0) * (np.abs(along) <= length / 2)
    return np.asarray(weights / weights.sum(), np.float32)


def _compressed(picture: Tensor) -> Tensor:
    """Compress a picture in [0, 1] as JPEG with a quality from 30 to 95."""
    levels = (255.0 * picture.permute(1, 2, 0)).round().byte().cpu().numpy()
    quality = int(torch.randint(30, 96, ()))
    decoded = compress_jpeg(levels[:, :, ::-1], quality)[:, :, ::-1] / np.float32(255.0)
    return torch.from_numpy(decoded.copy()).permute(2, 0, 1)
