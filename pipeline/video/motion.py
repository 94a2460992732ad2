"""Estimating how a head moves from one frame to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.video.similarity import Matrix, from_affine, inverse, scale_of, scaling_and_shift
from weights.base.contracts import Image

Grey = NDArray[np.uint8]
"""A frame's luminance `(H, W)`."""

WORKING_SIDE = 192
"""Side in pixels to which the surroundings of a face are resized."""
MOST_POINTS = 120
"""How many points are tracked at most."""
LEAST_POINTS = 8
"""Least number of agreeing points; with fewer the motion is unknown."""
ROUND_TRIP = 0.7
"""Largest forward-backward error of a tracked point, in working pixels."""
TOLERANCE = 1.5
"""Largest residual of a point under the similarity, in working pixels."""


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion between two frames.

    Attributes:
        matrix: maps pixels of the one frame to pixels of the other.
        certainty: fraction of the tracked points that agree; 0 if the motion is unknown, and
            `matrix` is the identity.
    """

    matrix: Matrix
    certainty: float


def grey(image: Image) -> Grey:
    """The luminance of a picture, uint8 `(H, W)`."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def estimate_motion(before: Grey, after: Grey, square: tuple[float, float, float]) -> Motion:
    """Estimate the similarity by which a head moves from one frame to another.

    Corners on the head and its mask are tracked forwards and backwards by pyramidal Lucas-Kanade
    flow, and a similarity is fitted to those that agree (RANSAC).

    Source: Bouguet 2001, "Pyramidal implementation of the affine Lucas Kanade feature tracker";
    Kalal, Mikolajczyk and Matas 2010, "Forward-backward error".

    Args:
        before: the first frame.
        after: the second frame, of the same size.
        square: x0, y0 and side in pixels of a square around the head in `before`.
    """
    unknown = Motion(np.eye(3), 0.0)
    x0, y0, side = square
    margin = 0.25 * side
    left, top = max(0, int(x0 - margin)), max(0, int(y0 - margin))
    right = min(before.shape[1], int(np.ceil(x0 + side + margin)))
    bottom = min(before.shape[0], int(np.ceil(y0 + side + margin)))
    if right - left < 8 or bottom - top < 8:
        return unknown
    scale = min(4.0, WORKING_SIDE / side)
    first, second = (_resized(plane[top:bottom, left:right], scale) for plane in (before, after))
    head = np.zeros(first.shape, np.uint8)
    # Background in the corners of the square moves differently.
    centre = round((x0 + side / 2 - left) * scale), round((y0 + side / 2 - top) * scale)
    half = max(1, round(0.42 * side * scale)), max(1, round(0.5 * side * scale))
    cv2.ellipse(head, centre, half, 0, 0, 360, 255, -1)
    points = cv2.goodFeaturesToTrack(first, MOST_POINTS, 0.01, 4.0, mask=head, blockSize=5)
    if points is None or len(points) < LEAST_POINTS:
        return unknown
    there, found = _followed(first, second, points)
    back, found_back = _followed(second, first, there)
    good = (found[:, 0] == 1) & (found_back[:, 0] == 1)
    good &= np.linalg.norm((back - points)[:, 0], axis=1) <= ROUND_TRIP
    if np.count_nonzero(good) < LEAST_POINTS:
        return unknown
    affine, agree = cv2.estimateAffinePartial2D(
        points[good], there[good], method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE
    )
    if affine is None or np.count_nonzero(agree) < LEAST_POINTS:
        return unknown
    to_working = scaling_and_shift(scale, -left * scale, -top * scale)
    matrix = inverse(to_working) @ from_affine(affine) @ to_working
    if not 0.7 < scale_of(matrix) < 1.4:
        return unknown
    return Motion(matrix, float(np.count_nonzero(agree) / len(points)))


def _followed(first: Grey, second: Grey, points: Any) -> tuple[Any, Any]:
    """Positions of points `(N, 1, 2)` in another picture, and 1 per point that was found."""
    guess: Any = None
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        first, second, points, guess, winSize=(17, 17), maxLevel=4
    )
    return there, found


def _resized(plane: Grey, scale: float) -> Grey:
    size = (max(8, round(plane.shape[1] * scale)), max(8, round(plane.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=way), np.uint8)
