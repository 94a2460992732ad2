"""Colour error of a fill."""

from __future__ import annotations

import math

import numpy as np

from inpainter.metrics.pixel import check_pictures
from weights.base.contracts import Image, Mask


def colour_shift(result: Image, truth: Image, hole: Mask) -> tuple[float, float, float]:
    """Difference of the mean colours inside the hole, in CIE L*a*b* (D65).

    Args:
        result: uint8 RGB `(H, W, 3)`.
        truth: the same shape.
        hole: bool `(H, W)`.

    Returns:
        L* (positive: too bright), a* (too red), b* (too yellow); nan for an empty hole.

    Raises:
        InputError: the sizes differ.
    """
    from skimage.color import rgb2lab

    check_pictures(result, truth, hole)
    if not hole.any():
        return math.nan, math.nan, math.nan
    # Convert only the hole's pixels, as one row: the conversion is slow.
    shift = (rgb2lab(result[hole][None]) - rgb2lab(truth[hole][None])).mean(axis=(0, 1))
    return float(shift[0]), float(shift[1]), float(shift[2])


def colour_distance(result: Image, truth: Image, hole: Mask) -> float:
    """Length of `colour_shift`: Delta E 1976 of the mean colours; about 2 can just be seen.

    Raises:
        InputError: the sizes differ.
    """
    return float(np.linalg.norm(colour_shift(result, truth, hole)))
