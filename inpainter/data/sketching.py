"""Sketches of pictures, for training networks that follow a user's lines."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2.functional import gaussian_blur

from inpainter.losses.edge import sobel_slopes

_DIRECTIONS: Final = ((0, 1), (1, 1), (1, 0), (1, -1))
"""Steps (down, right) in the gradient directions 0, 45, 90 and 135 degrees."""


def sketch_of(image: Tensor, threshold: float = 0.12, smoothing: float = 1.5) -> Tensor:
    """Draw thin lines where the gradient of the smoothed picture is strong and locally maximal.

    Yu et al. 2019 train guided filling with a learned edge detector (HED), whose weights are not
    available here; this is Canny 1986 without the second threshold.

    Args:
        image: `(N, 3, H, W)` in [-1, 1].
        threshold: minimum gradient of a line; a smoothed step from black to white has about 1.
        smoothing: standard deviation of the initial blur, in pixels.

    Returns:
        `(N, 1, H, W)`, 1 = a line, 0 = none.
    """
    size = 2 * round(3.0 * smoothing) + 1
    slopes = sobel_slopes(gaussian_blur(image.float(), [size, size], [smoothing, smoothing]))
    strength = slopes.square().sum(dim=1, keepdim=True).sqrt()
    # The 45-degree sector of the gradient, regardless of its sign.
    sector = torch.atan2(slopes[:, 1:], slopes[:, :1]).div(torch.pi / 4).round().remainder(4)
    around = functional.pad(strength, (1, 1, 1, 1))
    height, width = strength.shape[-2:]
    lines = torch.zeros_like(strength)
    for number, (down, right) in enumerate(_DIRECTIONS):
        ahead, behind = (
            around[..., 1 + sign * down : 1 + sign * down + height, 1 + sign * right :][..., :width]
            for sign in (1, -1)
        )
        # Equality is allowed on one side, so that a plateau of two pixels still gives a line.
        crest = (strength >= ahead) & (strength > behind)
        lines = torch.where((sector == number) & crest, 1.0, lines)
    return lines * (strength > threshold)
