"""Landmark error: whether a face is detected in the result, with mouth and jaw in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image
from weights.base.errors import InputError
from weights.landmarks.dlib_finder import DlibLandmarkFinder
from weights.landmarks.points import eye_distance

MOUTH_AND_JAW: Final = (*range(17), *range(48, 68))
"""The iBUG points that a face mask hides: jaw 0-16 and mouth 48-67."""

LandmarkFinder = Callable[[Image], NDArray[np.float64] | None]
"""Finds the iBUG points `(68, 2)` of the main face of a picture, x y in pixels; None without."""


def landmark_error(
    found: NDArray[np.floating],
    truth: NDArray[np.floating],
    points: tuple[int, ...] = MOUTH_AND_JAW,
) -> float:
    """Mean landmark distance, relative to the distance between the outer eye corners.

    Args:
        found: iBUG points of the result `(68, 2)`, x y in pixels.
        truth: iBUG points of the true face, whose eyes set the scale (points 36 and 45).
        points: which points count.

    Returns:
        At least 0; infinity if both eyes coincide.

    Raises:
        InputError: an array has another shape.

    Source: the measure of 300-W (Sagonas et al. 2013).
    """
    for array, what in ((found, "found"), (truth, "truth")):
        if np.shape(array) != (68, 2):
            raise InputError(
                f"{what} must be 68 landmarks of shape (68, 2), but has shape {np.shape(array)}."
            )
    scale = eye_distance(truth)
    chosen = list(points)
    distance = float(np.linalg.norm(found[chosen] - truth[chosen], axis=1).mean())
    return distance / scale if scale > 0.0 else math.inf


class DlibLandmarks:
    """Dlib's frontal face detector and 68-point predictor, applied to the largest face.

    Args:
        enlarge: how many times the picture is doubled before detection; 0 finds faces of 80 pixels
            and more.

    Raises:
        MissingDependencyError: dlib or its landmark model (package `face_recognition_models`) is
            not installed; both are in the extra `landmarks`.
    """

    def __init__(self, enlarge: int = 0) -> None:
        self._finder = DlibLandmarkFinder(enlarge)

    def __call__(self, image: Image) -> NDArray[np.float64] | None:
        """Return iBUG points `(68, 2)` of the largest face of a uint8 RGB picture, or None.

        Raises:
            InputError: the picture is malformed.
        """
        return self._finder.find_largest(image)
