"""Sketching what a picture shows, for networks that fill a hole along a user's lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional
from torchvision.transforms.v2.functional import gaussian_blur

from inpainter.losses.edge import sobel_slopes

if TYPE_CHECKING:
    from torch import Tensor

_DIRECTIONS: Final = ((0, 1), (1, 1), (1, 0), (1, -1))
"""Steps (down, right) along which slopes of 0, 45, 90 and 135 degrees point."""


def sketch_of(image: Tensor, threshold: float = 0.12, smoothing: float = 1.5) -> Tensor:
    """Draw the lines of pictures: thin where the smoothed picture's slope is steep and steepest.

    Yu et al. 2019 train guided filling on what a learned edge detector (HED) draws; its weights are
    not to be had here, so that the lines are those of Canny 1986, without his second threshold.

    Args:
        image: `(N, 3, H, W)` in [-1, 1].
        threshold: least slope of a line; a step from black to white, smoothed, has about 1.
        smoothing: standard deviation of the blur before, pixels.

    Returns:
        `(N, 1, H, W)`, 1 = a line, 0 = none.
    """
    size = 2 * round(3.0 * smoothing) + 1
    slopes = sobel_slopes(gaussian_blur(image.float(), [size, size], [smoothing, smoothing]))
    strength = slopes.square().sum(dim=1, keepdim=True).sqrt()
    # The sector of 45 degrees that the slope points into, whichever way round.
    sector = torch.atan2(slopes[:, 1:], slopes[:, :1]).div(torch.pi / 4).round().remainder(4)
    around = functional.pad(strength, (1, 1, 1, 1))
    height, width = strength.shape[-2:]
    lines = torch.zeros_like(strength)
    for number, (down, right) in enumerate(_DIRECTIONS):
        ahead, behind = (
            around[..., 1 + way * down : 1 + way * down + height, 1 + way * right :][..., :width]
            for way in (1, -1)
        )
        # One side may be level with it, so that a plateau of two pixels still gives a line.
        crest = (strength >= ahead) & (strength > behind)
        lines = torch.where((sector == number) & crest, 1.0, lines)
    return lines * (strength > threshold)
