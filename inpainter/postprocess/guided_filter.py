"""The guided filter: an edge-preserving filter with edges from another picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def guided_filter(guide: Plane, plane: Plane, radius: int, epsilon: float) -> Plane:
    """Filter a plane so that its edges snap to nearby edges of a colour guide.

    Args as for `guided_coefficients`.

    Returns:
        `(H, W)` float32; about the range of `plane`, not clipped.
    """
    slope, offset = guided_coefficients(guide, plane, radius, epsilon)
    return np.asarray(weighted_sum(guide, slope) + offset, np.float32)


def weighted_sum(picture: NDArray[np.float32 | np.uint8], weights: Plane) -> Plane:
    """Sum the channels of a picture `(H, W, 3)`, each times its weight at the pixel, likewise."""
    # NumPy's sum over so short an axis takes ten times as long.
    first, second, third = (weights[:, :, index] * picture[:, :, index] for index in range(3))
    return first + second + third


def guided_coefficients(
    guide: Plane, plane: Plane, radius: int, epsilon: float
) -> tuple[Plane, Plane]:
    """Coefficients of the local linear model that maps a colour guide to a plane.

    They vary slowly, so those of a downscaled picture can be enlarged and used at full size (He and
    Sun 2015, "Fast guided filter").

    Source: He, Sun and Tang 2013, "Guided image filtering", section 3.5 (colour guide).

    Args:
        guide: `(H, W, 3)` float32, 0 to 1.
        plane: `(H, W)` float32.
        radius: radius of the square windows in pixels, at least 1.
        epsilon: variance of the guide below which a window counts as flat.

    Returns:
        Slopes `(H, W, 3)` and offset `(H, W)`, float32: the filtered plane is the sum of slopes
        times guide plus the offset.
    """
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(array: Plane) -> Plane:
        return np.asarray(cv2.boxFilter(array, -1, side, borderType=cv2.BORDER_REFLECT), np.float32)

    mean_guide, mean_plane = mean(guide), mean(plane)
    covariance = mean(guide * plane[:, :, None]) - mean_guide * mean_plane[:, :, None]
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    products = [
        mean(guide[:, :, a] * guide[:, :, b]) - mean_guide[:, :, a] * mean_guide[:, :, b]
        for a, b in pairs
    ]
    rr, rg, rb, gg, gb, bb = products
    rr, gg, bb = rr + epsilon, gg + epsilon, bb + epsilon
    # The inverse of a symmetric 3 x 3 matrix, by cofactors.
    inverse_rr, inverse_rg, inverse_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    inverse_gg, inverse_gb, inverse_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = rr * inverse_rr + rg * inverse_rg + rb * inverse_rb
    red, green, blue = covariance[:, :, 0], covariance[:, :, 1], covariance[:, :, 2]
    slope = (
        np.stack(
            [
                inverse_rr * red + inverse_rg * green + inverse_rb * blue,
                inverse_rg * red + inverse_gg * green + inverse_gb * blue,
                inverse_rb * red + inverse_gb * green + inverse_bb * blue,
            ],
            axis=2,
        )
        / np.maximum(determinant, 1e-12)[:, :, None]
    )
    offset = mean_plane - weighted_sum(mean_guide, slope)
    return mean(slope), mean(offset)
