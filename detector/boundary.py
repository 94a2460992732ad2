"""How well two outlines agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.contracts import Mask


def boundary(mask: Mask) -> Mask:
    """The outermost pixels of a mask: True ones with a False or an outside neighbour (of four)."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~inner)


def boundary_f_score(found: Mask, drawn: Mask, tolerance: float) -> float:
    """Harmonic mean of the shares of each outline that lie near the other.

    Source: Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?".

    Args:
        found: bool `(H, W)`.
        drawn: bool `(H, W)`.
        tolerance: how far apart two outline pixels may lie, in pixels.

    Returns:
        0 to 1; 1 where both masks are empty, 0 where one is.
    """
    outlines = boundary(found), boundary(drawn)
    if not outlines[0].any() and not outlines[1].any():
        return 1.0
    if not outlines[0].any() or not outlines[1].any():
        return 0.0
    precision = float((_distance_to(outlines[1])[outlines[0]] <= tolerance).mean())
    recall = float((_distance_to(outlines[0])[outlines[1]] <= tolerance).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _distance_to(outline: Mask) -> NDArray[np.float32]:
    """Distance of every pixel to the nearest pixel of an outline."""
    distance = cv2.distanceTransform(
        (~outline).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return np.asarray(distance, np.float32)
