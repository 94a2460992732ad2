"""An inpainter that can be told of landmarks gets them in the pixels of what it sees."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline import Pipeline
from tests.inpainter.data.test_landmark_map import face_points
from weights.landmarks import FoundFace


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[np.ndarray, np.ndarray | None]] = []

    def complete(self, crops, holes):
        raise AssertionError("it was not told")

    def complete_guided(self, crops, holes, landmarks):
        self.told += zip(crops, landmarks, strict=True)
        return list(crops)


class Finder:
    """Sees the same face wherever it is asked to look."""

    def __init__(self, points: np.ndarray, face: float) -> None:
        self.found = FoundFace(points, face, 0.5)

    def find(self, image):
        return self.found

    def find_near(self, image, frame):
        return self.found


def turned_face(tilt: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture with a dot of its own grey level at each eye and both sides of the jaw."""
    points = face_points(120.0) + 60.0
    # Eyes and brows of a face: the tilt is told by them.
    points[17:27] = np.stack([np.linspace(90, 150, 10), np.full(10, 95.0)], 1)
    points[36:42] = np.stack([np.linspace(94, 108, 6), np.full(6, 105.0)], 1)
    points[42:48] = np.stack([np.linspace(132, 146, 6), np.full(6, 105.0)], 1)
    turn = cv2.getRotationMatrix2D((120.0, 120.0), -tilt, 1.0)
    points = points @ turn[:, :2].T + turn[:, 2]
    image = np.zeros((240, 240, 3), np.uint8)
    for index in (36, 45, 2, 14):
        x, y = (round(float(one)) for one in points[index])
        cv2.circle(image, (x, y), 3, (100 + index, 100 + index, 100 + index), -1)
    middle = points[48:68].mean(axis=0)
    hole = np.zeros((240, 240), np.uint8)
    cv2.circle(hole, (round(float(middle[0])), round(float(middle[1]))), 30, 1, -1)
    return image, hole > 0, points


@pytest.mark.parametrize("tilt", [0.0, 30.0])
def test_landmarks_lie_on_what_is_shown_also_turned_and_mirrored(tilt: float) -> None:
    image, hole, points = turned_face(tilt)
    inpainter = Told()
    pipeline = Pipeline(inpainter=inpainter, landmarks=Finder(points, 0.99))
    [result] = pipeline.run([image], [hole], variants=2)
    assert abs(result.faces[0].tilt - tilt) < 5.0
    (plain, told), (mirrored, other) = inpainter.told
    assert told is not None and other is not None
    assert told[36, 0] < told[45, 0] and other[36, 0] < other[45, 0]
    for index, opposite in ((36, 45), (45, 36), (2, 14), (14, 2)):
        for crop, landmarks, dot in ((plain, told, index), (mirrored, other, opposite)):
            x, y = np.rint(landmarks[index]).astype(int)
            assert abs(int(crop[y, x, 0]) - (100 + dot)) <= 4


def test_nothing_is_told_of_faces_that_are_not_seen() -> None:
    image, hole, points = turned_face(0.0)
    for landmarks in (Finder(points, 0.2), None):
        inpainter = Told()
        Pipeline(inpainter=inpainter, landmarks=landmarks).run([image], [hole])
        assert [told for _, told in inpainter.told] == [None]
