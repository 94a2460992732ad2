"""Finding the 68 landmarks of bare faces with dlib, from the extra `landmarks`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image, check_image
from weights.base.optional_libraries import imported_for
from weights.catalog.dlib_models import dlib_model

_MODEL = "shape_predictor_68_face_landmarks.dat"


class DlibLandmarkFinder:
    """Landmarks by dlib's frontal face detector and its 68-point shape predictor.

    Source of the predictor's method: Kazemi and Sullivan 2014, "One millisecond face alignment with
    an ensemble of regression trees". dlib's detector misses heads turned by more than about 40
    degrees.

    Args:
        upsample: how often a picture is doubled in size before detection; 0 finds faces of 80
            pixels and wider, 1 of 40.

    Raises:
        MissingDependencyError: dlib or its model file is not installed.
    """

    def __init__(self, upsample: int = 1) -> None:
        with imported_for("Finding landmarks", "dlib", "landmarks"):
            import dlib
        self.upsample = int(upsample)
        self._detector: Any = dlib.get_frontal_face_detector()
        model = dlib_model(_MODEL, "Finding landmarks")
        self._predictor: Any = dlib.shape_predictor(str(model))

    def find(self, image: Image) -> list[NDArray[np.float64]]:
        """Find the landmarks of every face, the most confident detection first.

        Args:
            image: uint8 RGB `(H, W, 3)`.

        Returns:
            One `(68, 2)` array per face, x y in pixels; points may lie outside the picture.
        """
        pixels, boxes = self._boxes(image)
        return [self._points(pixels, box) for box in boxes]

    def find_largest(self, image: Image) -> NDArray[np.float64] | None:
        """Find the landmarks `(68, 2)` of the largest face of a picture; None if there is no face.

        Args:
            image: uint8 RGB `(H, W, 3)`.
        """
        pixels, boxes = self._boxes(image)
        largest = max(boxes, key=lambda box: box.area(), default=None)
        return None if largest is None else self._points(pixels, largest)

    def _boxes(self, image: Image) -> tuple[Image, list[Any]]:
        pixels = np.ascontiguousarray(check_image(image))
        return pixels, list(self._detector(pixels, self.upsample))

    def _points(self, pixels: Image, box: Any) -> NDArray[np.float64]:
        shape = self._predictor(pixels, box)
        return np.array([(point.x, point.y) for point in shape.parts()], np.float64)
