"""Faces that may lend another face its lower half: who resembles it most in shape and looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import FacePhoto, Image
from weights.landmarks.frame import Points
from weights.landmarks.head_pose import estimate_yaw
from weights.landmarks.points import eye_distance

_SIDE: Final = 48
"""Side of the lower face in which looks are compared."""

_FRAME: Final = np.array([(-0.8, 0.15), (0.8, 0.15), (-0.8, 1.5)])
"""Its corners, in eye distances to the right of and below the middle between the eyes."""

_LIGHTNESS: Final = 0.6
"""Weight of lightness against colour, as light differs more between photos than skin does."""

_SKIN: Final = 0.5
"""Weight of the mean colour."""

_SHAPE: Final = 2.5
"""Weight of a landmark's position, per eye distance."""

_MOUTH: Final = 7.5
"""Weight of the mouth's landmarks."""

_YAW: Final = 1.0 / 6.0
"""Weight of a degree of yaw."""


class Donors:
    """A collection of faces in which those most like another face can be found.

    Args:
        photos: the faces.
    """

    def __init__(self, photos: Iterable[FacePhoto]) -> None:
        self._descriptions = np.stack([describe_face(*photo) for photo in photos])

    def nearest(
        self, image: Image, points: Points, count: int = 1, without: Sequence[int] = ()
    ) -> list[int]:
        """Find the donors most like a face, the likest first.

        Args:
            image: uint8 RGB `(H, W, 3)`.
            points: iBUG points `(68, 2)`, x y in pixels.
            count: how many.
            without: indices of donors to leave out.

        Returns:
            Their indices; fewer if there are not so many.
        """
        distances = np.square(self._descriptions - describe_face(image, points)).sum(axis=1)
        distances[list(without)] = np.inf
        order = np.argsort(distances, kind="stable")[:count]
        return [int(one) for one in order if np.isfinite(distances[one])]


def describe_face(image: Image, points: Points) -> NDArray[np.float32]:
    """Describe a face's pose, shape and the looks of its lower half.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        points: iBUG points `(68, 2)`, x y in pixels.

    Returns:
        Float32 `(D,)`; the squared distance of two descriptions says how unlike two faces are.
    """
    middle = (points[36] + points[45]) / 2.0
    eyes = max(eye_distance(points), 1.0)
    across = (points[45] - points[36]) / eyes
    axes = np.stack([across, (-across[1], across[0])])
    corners = np.asarray(middle + eyes * _FRAME @ axes, np.float32)
    square = np.array([(0, 0), (_SIDE, 0), (0, _SIDE)], np.float32)
    matrix = cv2.getAffineTransform(corners, square)
    shrinking = 1.6 * eyes / _SIDE
    if shrinking > 1.0:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.5 * shrinking), np.uint8)
    lower = cv2.warpAffine(image, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(lower.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    mean = lab.mean(axis=(0, 1))
    looks = (lab - mean) * (_LIGHTNESS, 1.0, 1.0) / _SIDE
    shape = (points - middle) @ axes.T / eyes * _SHAPE
    shape[48:] *= _MOUTH / _SHAPE
    # Brows are visible and say little about the rest.
    shape[17:27] = 0.0
    yaw = np.nan_to_num(estimate_yaw(points), nan=90.0) * _YAW
    parts = (looks.ravel(), _SKIN * mean[1:], shape.ravel(), [yaw])
    return np.concatenate(parts).astype(np.float32)
