"""Sharpening a network's output without halos."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

_SIGMA = 1.3
"""Standard deviation, in pixels, of the blur that separates detail."""

_BLUR_REACH = 4
_HALO_REACH = 2
"""Radius, in pixels, of the neighbourhood whose range of values bounds the result."""


def sharpen(image: Tensor, amount: float) -> Tensor:
    """Sharpen pictures `(N, C, H, W)` by unsharp masking.

    The mean of several plausible fills is softer than any of them, so a network trained with a
    pixel-wise loss is slightly soft. No pixel becomes darker or brighter than its surroundings
    were, so edges get no halo.

    Args:
        image: in any range.
        amount: how much of the detail is added; 0 for none.
    """
    places = torch.arange(-_BLUR_REACH, _BLUR_REACH + 1, dtype=torch.float32, device=image.device)
    weights = torch.exp(-places.square() / (2.0 * _SIGMA**2))
    weights = (weights / weights.sum()).to(image.dtype)
    channels = image.shape[1]
    blurred = functional.pad(image, (_BLUR_REACH,) * 4, mode="replicate")
    for shape in ((1, -1), (-1, 1)):
        kernel = weights.reshape(1, 1, *shape).repeat(channels, 1, 1, 1)
        blurred = functional.conv2d(blurred, kernel, groups=channels)
    sharpened = image + amount * (image - blurred)
    lowest, highest = (_extreme(image, choose) for choose in (torch.minimum, torch.maximum))
    return torch.minimum(torch.maximum(sharpened, lowest), highest)


def _extreme(image: Tensor, choose: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The lowest or highest value round each pixel; torch's own pooling is far slower on a CPU."""
    reach = (_HALO_REACH, _HALO_REACH)
    for axis, padding in ((3, (*reach, 0, 0)), (2, (0, 0, *reach))):
        length = image.shape[axis]
        padded = functional.pad(image, padding, mode="replicate")
        image = padded.narrow(axis, 0, length)
        for start in range(1, 2 * _HALO_REACH + 1):
            image = choose(image, padded.narrow(axis, start, length))
    return image
