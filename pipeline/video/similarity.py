"""Similarities of the plane: rotation, scaling and translation, as 3 x 3 matrices.

Points are columns (x, y, 1), in pixels unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""A similarity, `(3, 3)`; its last row is 0 0 1."""
Points = NDArray[np.float64]
"""Points x y, `(N, 2)`."""


def scaling_and_shift(scale: float, x: float, y: float) -> Matrix:
    """Scale about the origin, then shift by x and y."""
    return np.array([[scale, 0.0, x], [0.0, scale, y], [0.0, 0.0, 1.0]])


def from_affine(affine: NDArray[np.floating]) -> Matrix:
    """Make a matrix of OpenCV's `(2, 3)` form."""
    return np.vstack([np.asarray(affine, np.float64), [0.0, 0.0, 1.0]])


def inverse(matrix: Matrix) -> Matrix:
    """The inverse similarity."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def scale_of(matrix: Matrix) -> float:
    """The scale factor."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def moved(matrix: Matrix, points: NDArray[np.float64] | Sequence[tuple[float, float]]) -> Points:
    """Move points `(N, 2)`."""
    return np.asarray(points, np.float64) @ matrix[:2, :2].T + matrix[:2, 2]


def bounds(
    matrix: Matrix, x0: float, y0: float, x1: float, y1: float
) -> tuple[float, float, float, float]:
    """The bounding box x0, y0, x1, y1 of a transformed box."""
    corners = moved(matrix, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
