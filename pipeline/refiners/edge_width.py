"""Measuring the edge width of a mask in its picture: blurred edges reach past the outline."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Mask

_LEAST_CONTRAST = 0.08
"""Least contrast between both sides, at values 0 to 1, for an outline pixel to be measured."""

_LEAST_PIXELS = 20
"""Least number of measured outline pixels."""


def edge_width(guide: NDArray[np.float32], mask: Mask, reach: int) -> float | None:
    """Median width of the edge along an outline, in pixels.

    At each pixel of the outline the width is the local contrast over the steepest slope, in the
    channel of most contrast. For an edge blurred by a Gaussian it is 2.5 times the standard
    deviation.

    Args:
        guide: `(H, W, 3)` float32, 0 to 1.
        mask: bool `(H, W)`.
        reach: distance from the outline within which both sides are sampled, in pixels, at least 1.

    Returns:
        The width; None if too little of the outline has contrast.
    """
    solid = mask.view(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    outline = solid != cv2.erode(solid, cross, borderType=cv2.BORDER_REPLICATE)
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    contrast = cv2.dilate(guide, window)[outline] - cv2.erode(guide, window)[outline]
    if not len(contrast):
        return None
    across = cv2.Sobel(guide, cv2.CV_32F, 1, 0, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(guide, cv2.CV_32F, 0, 1, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    slope = cv2.dilate(np.hypot(across, down), window)[outline]
    best = contrast.argmax(axis=1)
    rows = np.arange(len(best))
    contrast, slope = contrast[rows, best], slope[rows, best]
    tells = contrast >= _LEAST_CONTRAST
    if np.count_nonzero(tells) < _LEAST_PIXELS:
        return None
    return float(np.median(contrast[tells] / slope[tells]))
