"""Structural similarity, over the picture or a region, such as the ring along a hole's edge."""

from __future__ import annotations

import math
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.metrics.pixel import check_pictures
from weights.base.contracts import Hole, Image, Mask, check_mask
from weights.base.errors import InputError

_REACH: Final = 5
"""Radius of the window, in pixels."""


def ssim_map(result: Image, truth: Image) -> NDArray[np.float64]:
    """Structural similarity at every pixel, averaged over the colour channels.

    Scikit-image's, with the paper's settings: Gaussian window of 1.5 pixels (11 x 11), K1 = 0.01,
    K2 = 0.03, data range 255.

    Args:
        result: uint8 RGB `(H, W, 3)`, at least 11 pixels a side.
        truth: the same shape.

    Returns:
        float64 `(H, W)`, -1 to 1; 1 where the pictures are equal within the window.

    Raises:
        InputError: the sizes differ, or a side is under 11 pixels.

    Source: Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural
    Similarity".
    """
    check_pictures(result, truth)
    if min(truth.shape[:2]) < 11:
        raise InputError(
            f"SSIM needs pictures of at least 11 pixels a side, but got {truth.shape[:2]}."
        )
    return similarity_of(result, truth)


def similarity_of(
    result: NDArray[Any], truth: NDArray[Any], k1: float = 0.01
) -> NDArray[np.float64]:
    """Structural similarity at every pixel of arrays with a data range of 255; see `ssim_map`.

    Args:
        result: `(H, W, 3)`, integers or floats.
        truth: likewise.
        k1: the paper's K1, which stabilises the luminance factor; a huge value disables it.

    Returns:
        float64 `(H, W)`.
    """
    from skimage.metrics import structural_similarity

    _, full = structural_similarity(
        truth,
        result,
        channel_axis=-1,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
        K1=k1,
    )
    return np.asarray(full.mean(axis=2), np.float64)


def mean_over(values: NDArray[np.floating], region: Mask | None = None) -> float:
    """Average a map `(H, W)` over a region, bool `(H, W)`; nan for an empty one."""
    chosen = values if region is None else values[region]
    return float(chosen.mean()) if chosen.size else math.nan


def mean_similarity(values: NDArray[np.floating], region: Mask | None = None) -> float:
    """Average an `ssim_map` `(H, W)` over a region, bool `(H, W)`; nan for an empty one.

    For the whole picture, None or a region of all pixels, the outermost 5 pixels are left out, as
    in scikit-image: the window of 11 extends past the border there.
    """
    if region is None or region.all():
        return mean_over(values[_REACH:-_REACH, _REACH:-_REACH])
    return mean_over(values, region)


def ssim(result: Image, truth: Image, region: Mask | None = None) -> float:
    """Average of `ssim_map` over a region, see `mean_similarity`.

    Returns:
        -1 to 1; nan for an empty region.

    Raises:
        InputError: the sizes differ, or a side is under 11 pixels.

    Examples:
        >>> import numpy as np
        >>> photo = np.full((64, 64, 3), 127, np.uint8)
        >>> ssim(photo, photo)
        1.0
    """
    check_pictures(result, truth, region)
    return mean_similarity(ssim_map(result, truth), region)


def seam_ring(hole: Hole, width: int = 4) -> Mask:
    """The pixels within `width` of the hole's edge, on both sides.

    Args:
        hole: bool `(H, W)`.
        width: in pixels, 1 and above.

    Returns:
        Bool `(H, W)`; the picture's border does not count as an edge.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    pixels = check_mask(hole, what="hole").astype(np.uint8)
    return np.asarray(cv2.dilate(pixels, kernel) != cv2.erode(pixels, kernel), np.bool_)
