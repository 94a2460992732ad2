"""An inpainter that can be told of landmarks gets them in the pixels of what it sees."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline import Pipeline
from pipeline.apps.explain.explanation import explain_pictures
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


class Shown(Told):
    """Paints what it is shown a photo of: here, all in the photo's first colour."""

    def __init__(self, takes_photos: bool) -> None:
        super().__init__()
        self.takes_photos = takes_photos

    def complete_guided(self, crops, holes, landmarks, photos=None):
        super().complete_guided(crops, holes, landmarks)
        return [
            crop if photo is None else np.full_like(crop, photo.image[0, 0])
            for crop, photo in zip(crops, photos or [None] * len(crops), strict=True)
        ]


def put_in(image, fill, hole):
    return np.where(hole[..., None], fill, image)


@pytest.mark.parametrize("tilt", [0.0, 30.0])
def test_an_inpainter_that_takes_photos_is_shown_the_reference(tilt: float) -> None:
    image, hole, points = turned_face(tilt)
    photo = np.full((240, 240, 3), (10, 200, 30), np.uint8)
    finder = Finder(points, 0.99)
    finder.found = FoundFace(points, 0.99, 0.0)
    inpainter = Shown(takes_photos=True)
    pipeline = Pipeline(inpainter=inpainter, blender=put_in, landmarks=finder)
    results = pipeline.run([image, image], [hole, hole], references=[None, photo])
    assert [one.faces[0].reference for one in results] == [None, 0]
    inside = cv2.erode(hole.astype(np.uint8), np.ones((25, 25))) > 0
    assert not results[0].image[inside].any()
    assert (np.abs(results[1].image[inside].astype(int) - (10, 200, 30)) <= 2).all()
    # The first face is looked at once, and each is told of its landmarks.
    assert len(inpainter.told) == 2 and all(points is not None for _, points in inpainter.told)
    explained = explain_pictures(pipeline, [image], [hole], [photo])[0]
    assert np.array_equal(explained.result.image, results[1].image)


def test_a_photo_is_pasted_for_an_inpainter_whose_weights_take_none() -> None:
    image, hole, points = turned_face(0.0)
    photo = np.random.default_rng(0).integers(0, 255, (240, 240, 3), np.uint8)
    finder = Finder(points, 0.99)
    finder.found = FoundFace(points, 0.99, 0.0)
    without = Shown(takes_photos=False)
    result = Pipeline(inpainter=without, blender=put_in, landmarks=finder).run(
        [image], [hole], [photo]
    )[0]
    assert result.faces[0].reference == 0 and result.image[hole].any()
    assert result.timings["reference"] > 0.0
