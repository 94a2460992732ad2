"""Metrics for the agreement of two outlines."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Mask


def boundary(mask: Mask) -> Mask:
    """Boundary pixels of a mask, bool `(H, W)`: a 4-neighbour is False or outside."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~inner)


def boundary_f_score(found: Mask, drawn: Mask, tolerance: float) -> float:
    """Harmonic mean of the fractions of each outline that lie near the other.

    Source: Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?".

    Args:
        found: bool `(H, W)`.
        drawn: bool `(H, W)`.
        tolerance: maximum distance of two outline pixels, in pixels.

    Returns:
        0 to 1; 1 if both masks are empty, 0 if one is.
    """
    outlines = boundary(found), boundary(drawn)
    if not outlines[0].any() and not outlines[1].any():
        return 1.0
    if not outlines[0].any() or not outlines[1].any():
        return 0.0
    precision = float((distance_to(outlines[1])[outlines[0]] <= tolerance).mean())
    recall = float((distance_to(outlines[0])[outlines[1]] <= tolerance).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary_error(found: Mask, drawn: Mask) -> float:
    """Mean distance of each outline's pixels to the other outline, both ways averaged, in pixels.

    Args:
        found: bool `(H, W)`.
        drawn: bool `(H, W)`.

    Returns:
        0 or more; NaN if either mask is empty.
    """
    outlines = boundary(found), boundary(drawn)
    if not outlines[0].any() or not outlines[1].any():
        return math.nan
    to_drawn = float(distance_to(outlines[1])[outlines[0]].mean())
    to_found = float(distance_to(outlines[0])[outlines[1]].mean())
    return (to_drawn + to_found) / 2.0


def length_found(found: Mask, drawn: Mask, tolerance: float) -> float:
    """Fraction of the length of drawn lines that lies near a found pixel.

    Args:
        found: bool `(H, W)`.
        drawn: bool `(H, W)`, thin objects such as straps; their centre lines are measured.
        tolerance: maximum distance, in pixels.

    Returns:
        0 to 1; NaN if nothing is drawn.
    """
    from skimage.morphology import skeletonize

    lines = skeletonize(drawn)
    if not lines.any():
        return math.nan
    if not found.any():
        return 0.0
    return float((distance_to(found)[lines] <= tolerance).mean())


def distance_to(outline: Mask) -> NDArray[np.float32]:
    """Distance of every pixel to the nearest True pixel of an outline, or of any mask."""
    away = (~outline).view(np.uint8)
    distance = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)
