"""Removing JPEG's block grid from training pictures."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image

_BLOCK: Final = 8
"""Side of JPEG's blocks in pixels."""

_REACH: Final = 2
"""Number of pixels on each side of a border that are corrected."""

_LARGEST_STEP: Final = 12.0
"""Steps this large belong to the picture; smaller ones are removed the more, the smaller they
are."""


def smooth_block_borders(image: Image) -> Image:
    """Smooth the small steps that JPEG leaves between its blocks.

    A border's step is its difference minus the slope of the adjacent pixels. Networks trained with
    a discriminator learn such steps as part of faces, and generate lines eight pixels apart.

    Args:
        image: uint8 RGB `(H, W, 3)` as decoded, neither cropped nor resized.

    Returns:
        uint8 RGB `(H, W, 3)`.

    Source: after List et al. 2003, "Adaptive Deblocking Filter", with one filter for all small
    steps.
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
