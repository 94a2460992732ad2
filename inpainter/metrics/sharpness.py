"""Sharpness of a fill relative to the ground truth."""

from __future__ import annotations

import math

import cv2
import numpy as np

from inpainter.metrics.pixel import check_pictures
from weights.base.contracts import Image, Mask, check_mask


def laplacian_energy(image: Image, region: Mask) -> float:
    """Mean square of the Laplacian of the grey picture over a region.

    Only pixels whose neighbours all lie in the region count, so that a fill's seam does not pass
    for detail; if there are none, the whole region counts.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        region: bool `(H, W)`.

    Returns:
        At least 0, in grey levels squared; nan for an empty region.

    Raises:
        InputError: an array is malformed.
    """
    check_pictures(image, image, region)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    inner = cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    chosen = inner if inner.any() else region
    if not chosen.any():
        return math.nan
    return float(np.square(cv2.Laplacian(grey, cv2.CV_64F)[chosen]).mean())


def sharpness_ratio(result: Image, truth: Image, hole: Mask) -> float:
    """Laplacian energy in the hole `(H, W)` of the result `(H, W, 3)` over the truth's.

    Returns:
        1 for equal detail, below 1 for blur, above 1 for too much grain; 1 if both are flat,
        infinity if only the truth is flat, nan for an empty hole.

    Raises:
        InputError: the sizes differ.
    """
    check_pictures(result, truth, check_mask(hole, what="hole"))
    energy, true_energy = laplacian_energy(result, hole), laplacian_energy(truth, hole)
    if true_energy == 0.0:
        return 1.0 if energy == 0.0 else math.inf
    return energy / true_energy
