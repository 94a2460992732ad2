"""Pixel-wise errors."""

from __future__ import annotations

import math

import numpy as np

from weights.base.contracts import Image, Mask, check_image, check_mask
from weights.base.errors import InputError


def check_pictures(result: Image, truth: Image, region: Mask | None = None) -> None:
    """Check that two pictures, and a region if given, have the same size.

    Raises:
        InputError: they do not, or one is malformed.
    """
    check_image(result, "result")
    check_image(truth, "truth")
    if result.shape != truth.shape:
        raise InputError(
            f"A metric compares pictures of one size, but got {result.shape[:2]} and "
            f"{truth.shape[:2]}."
        )
    if region is not None:
        check_mask(region, truth.shape[:2], "region")


def l1(result: Image, truth: Image, region: Mask | None = None) -> float:
    """Mean absolute difference as a fraction of the full range, 0 to 1.

    Args:
        result: uint8 RGB `(H, W, 3)`.
        truth: the same shape.
        region: bool `(H, W)`, the pixels that count; None for all.

    Returns:
        0 for equal pictures, 1 for black against white, nan for an empty region.

    Raises:
        InputError: the sizes differ.
    """
    check_pictures(result, truth, region)
    difference = np.abs(result.astype(np.int16) - truth.astype(np.int16))
    chosen = difference if region is None else difference[region]
    return float(chosen.mean() / 255.0) if chosen.size else math.nan


def psnr(result: Image, truth: Image, region: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in decibels, from the mean squared error over pixels and channels.

    Arguments as for `l1`.

    Returns:
        10 log10(255^2 / MSE); infinity for equal pictures, nan for an empty region.

    Raises:
        InputError: the sizes differ.

    Examples:
        >>> import numpy as np
        >>> photo = np.full((64, 64, 3), 127, np.uint8)
        >>> round(psnr(photo, photo + np.uint8(10)), 2)
        28.13
    """
    check_pictures(result, truth, region)
    difference = result.astype(np.float64) - truth.astype(np.float64)
    chosen = difference if region is None else difference[region]
    if not chosen.size:
        return math.nan
    error = float(np.square(chosen).mean())
    return 10.0 * math.log10(255.0**2 / error) if error > 0.0 else math.inf
