"""The 68 iBUG points: their groups, and which swap when mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.base.contracts import Mask
    from weights.landmarks.frame import Points

GROUPS: Final = {
    "jaw": tuple(range(17)),
    "brows": tuple(range(17, 27)),
    "nose": tuple(range(27, 36)),
    "eyes": tuple(range(36, 48)),
    "mouth": tuple(range(48, 68)),
}
"""Points of each part of a face; left and right are those of the picture."""

OUTER_EYE_CORNERS: Final = (36, 45)
"""The points that define the eye distance."""

MIRRORED: Final = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)
"""For each point of a mirrored face, the index of the original point."""


def eye_distance(points: NDArray[np.floating]) -> float:
    """Distance between the outer eye corners of iBUG points `(68, 2)`."""
    left, right = OUTER_EYE_CORNERS
    return float(np.linalg.norm(points[left] - points[right]))


def mirrored_points(points: Points, width: int) -> Points:
    """The points `(68, 2)`, x y in pixels, of a mirrored picture of that width."""
    return (points * (-1, 1) + (width - 1, 0))[list(MIRRORED)]


def inside_picture(points: Points, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which of the points `(N, 2)`, x y in pixels, lie in a picture of a shape `(H, W, ...)`."""
    columns, rows = np.rint(points).astype(int).T
    return (columns >= 0) & (columns < shape[1]) & (rows >= 0) & (rows < shape[0])


def covered_by(points: Points, mask: Mask) -> NDArray[np.bool_]:
    """Which of the points `(N, 2)`, x y in pixels, lie under a mask, bool `(H, W)`."""
    covered = inside_picture(points, mask.shape)
    columns, rows = np.rint(points[covered]).astype(int).T
    covered[covered] = mask[rows, columns]
    return covered
