"""Whether a face finder sees a face in the result, and its mouth and jaw where they belong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from weights.base.contracts import Image, check_image
from weights.base.errors import InputError, MissingDependencyError
from weights.catalog.dlib_models import find_dlib_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    scale = float(np.linalg.norm(truth[45] - truth[36]))
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

    Source: Kazemi and Sullivan 2014, "One Millisecond Face Alignment with an Ensemble of
    Regression Trees", as trained by dlib's author.
    """

    def __init__(self, enlarge: int = 0) -> None:
        try:
            import dlib
        except ImportError as error:
            raise MissingDependencyError(
                "Landmarks need dlib, which is not installed: pip install 'unmask[landmarks]'."
            ) from error
        model = find_dlib_model("shape_predictor_68_face_landmarks.dat")
        if model is None:
            raise MissingDependencyError(
                "Landmarks need the package face_recognition_models, which is not installed: "
                "pip install 'unmask[landmarks]'."
            )
        self._find = dlib.get_frontal_face_detector()
        self._predict = dlib.shape_predictor(str(model))
        self.enlarge = int(enlarge)

    def __call__(self, image: Image) -> NDArray[np.float64] | None:
        """Return iBUG points `(68, 2)` of the largest face of a uint8 RGB picture, or None.

        Raises:
            InputError: the picture is malformed.
        """
        pixels = np.ascontiguousarray(check_image(image))
        faces = list(self._find(pixels, self.enlarge))
        if not faces:
            return None
        shape = self._predict(pixels, max(faces, key=lambda face: face.area()))
        return np.array([(point.x, point.y) for point in shape.parts()], np.float64)
