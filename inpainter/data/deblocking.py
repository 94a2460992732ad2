"""Taking the block grid out of JPEG pictures before they are learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.base.contracts import Image

_BLOCK: Final = 8
"""Side of JPEG's blocks, pixels."""

_REACH: Final = 2
"""How many pixels on each side of a border make up for its step."""

_LARGEST_STEP: Final = 12.0
"""The larger a step, the less of it is taken for JPEG's; from this on it is the picture's own."""


def smooth_block_borders(image: Image) -> Image:
    """Turn the small steps that JPEG leaves between its blocks into short ramps.

    A border's step is what goes beyond the slope of the pixels beside it. Networks that learn from
    a discriminator take such steps for a part of faces, and paint lines eight pixels apart.

    Args:
        image: uint8 RGB `(H, W, 3)` as it was decoded, neither cropped nor resized since.

    Returns:
        uint8 RGB `(H, W, 3)`.

    Source: the idea of List et al. 2003, "Adaptive Deblocking Filter", with one filter for all
    small steps.
    """
    pixels = image.astype(np.float32)
    pixels = _across(_across(pixels).transpose(1, 0, 2)).transpose(1, 0, 2)
    return np.asarray(np.rint(pixels).clip(0, 255), np.uint8)


def _across(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smooth the borders between columns of blocks."""
    borders = np.arange(_BLOCK, pixels.shape[1] - _REACH + 1, _BLOCK)
    before, after = pixels[:, borders - 1], pixels[:, borders]
    slope = (before - pixels[:, borders - 2] + pixels[:, borders + 1] - after) / 2.0
    step = after - before - slope
    step *= (1.0 - np.abs(step) / _LARGEST_STEP).clip(0.0)
    smooth = pixels.copy()
    for distance in range(_REACH):
        share = 0.5 - (2 * distance + 1) / (4.0 * _REACH)
        smooth[:, borders - 1 - distance] += share * step
        smooth[:, borders + distance] -= share * step
    return smooth
