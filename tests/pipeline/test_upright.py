"""Tilted faces are set upright for the inpainter, and their fills turned back."""

import cv2
import numpy as np
import pytest

from examples.astronaut import LANDMARKS, astronaut
from pipeline import Pipeline
from pipeline.crop import Crop
from pipeline.upright import UprightView, level_square
from tests.faces import canonical_landmarks
from tests.pipeline.recorder import Recorder
from weights.landmarks import FoundFace
from weights.landmarks.head_pose import estimate_tilt

IMAGE = astronaut()
MIDDLE = LANDMARKS.mean(axis=0)


def tilted(degrees):
    """The astronaut turned clockwise about her face, her landmarks, and the matrix of the turn."""
    matrix = cv2.getRotationMatrix2D(tuple(MIDDLE), -degrees, 1.0)
    size = IMAGE.shape[1], IMAGE.shape[0]
    picture = cv2.warpAffine(IMAGE, matrix, size, flags=cv2.INTER_CUBIC)
    return picture, LANDMARKS @ matrix[:, :2].T + matrix[:, 2]


def lower_face(points):
    """A hole round nose, mouth and chin."""
    hole = np.zeros(IMAGE.shape[:2], np.uint8)
    corners = points[[1, 28, 15, 12, 8, 4]]
    cv2.fillPoly(hole, [np.rint(corners).astype(np.int32)], 1)
    return hole.astype(bool)


class Finds:
    """A finder that knows the points of the one face there is."""

    def __init__(self, points, sure=0.9):
        self.face = FoundFace(points, sure, 0.9)

    def find_near(self, image, frame):
        return self.face


def paint_red_below(fill, hole):
    """Blue, and red in the hole's lower half."""
    rows = np.flatnonzero(hole.any(axis=1))
    fill[hole] = (0, 0, 255)
    fill[hole & (np.arange(len(hole)) > rows.mean())[:, None]] = (255, 0, 0)


def run(degrees, *, sure=0.9, hidden=None, variants=None):
    picture, points = tilted(degrees)
    hole = lower_face(points)
    if hidden is not None:
        picture[hole] = hidden
    recorder = Recorder(paint_red_below)
    pipeline = Pipeline(inpainter=recorder, blender="none", landmarks=Finds(points, sure))
    return picture, hole, recorder, pipeline.run([picture], [hole], variants=variants)[0]


@pytest.mark.parametrize("degrees", [-150.0, -20.0, 0.0, 35.0, 90.0])
def test_tilt_is_told_by_landmarks(degrees):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = canonical_landmarks(100, (0, 0)) @ turn * 3.0 + (40.0, 70.0)
    assert estimate_tilt(points) == pytest.approx(degrees, abs=1e-6)


@pytest.mark.parametrize("degrees", [30.0, -50.0])
def test_the_inpainter_sees_an_upright_face(degrees):
    _, _, recorder, _ = run(degrees)
    _, _, upright, _ = run(-estimate_tilt(LANDMARKS))
    (crop, hole), (expected, expected_hole) = recorder.seen[0], upright.seen[0]
    # Where outlines fall between pixels, frames differ by one or two.
    assert abs(len(crop) - len(expected)) <= 0.03 * len(expected)
    size = expected.shape[1], expected.shape[0]
    resized = cv2.resize(crop, size)
    known = ~cv2.dilate((cv2.resize(hole.view(np.uint8), size) | expected_hole), np.ones((9, 9)))
    inner = np.zeros(known.shape, bool)
    inner[20:-20, 20:-20] = known[20:-20, 20:-20] == 255
    difference = np.abs(resized.astype(int) - expected)[inner]
    assert inner.sum() > 2000
    assert difference.mean() < 12.0


def test_fills_come_back_where_the_face_is():
    picture, hole, _, result = run(40.0)
    assert np.array_equal(result.image[~hole], picture[~hole])
    filled = result.image[hole]
    # Red or blue, but for the line between both, where they mix.
    pure = (np.abs(filled.astype(int) - (255, 0, 0)).sum(axis=1) < 6) | (
        np.abs(filled.astype(int) - (0, 0, 255)).sum(axis=1) < 6
    )
    assert pure.mean() > 0.95
    # Below, as the face is turned, is red: clockwise by 40 degrees it is down and to the left.
    rows, columns = np.nonzero(hole)
    red = result.image[rows, columns, 0] > 200
    down = np.array(
        [columns[red].mean() - columns[~red].mean(), rows[red].mean() - rows[~red].mean()]
    )
    assert np.degrees(np.arctan2(-down[0], down[1])) == pytest.approx(40.0, abs=6.0)


def test_what_the_hole_hides_is_not_seen():
    first, hole, one, result = run(25.0, hidden=(0, 255, 0))
    _, _, two, other = run(25.0, hidden=np.random.default_rng(0).integers(0, 256, 3))
    (crop, missing), (again, missing_again) = one.seen[0], two.seen[0]
    assert np.array_equal(missing, missing_again)
    assert np.array_equal(crop[~missing], again[~missing])
    assert (
        np.array_equal(result.image, other.image) or (result.image[hole] == other.image[hole]).all()
    )
    assert (first[hole] == (0, 255, 0)).all()


@pytest.mark.parametrize(("degrees", "sure"), [(5.0, 0.9), (30.0, 0.3)])
def test_faces_that_are_nearly_upright_or_not_seen_stay_as_they_are(degrees, sure):
    picture, hole, recorder, result = run(degrees, sure=sure)
    crop = Crop.around(hole)
    assert np.array_equal(recorder.seen[0][0], crop.take(picture))
    assert np.array_equal(recorder.seen[0][1], crop.take(hole))
    assert np.array_equal(result.image[~hole], picture[~hole])


def test_variants_of_a_tilted_face_are_framed_upright_and_hold_the_hole():
    _, hole, recorder, result = run(30.0, variants=4)
    assert len(recorder.seen) == len(result.variants) == 4
    sides = [len(crop) for crop, _ in recorder.seen]
    assert max(sides[1:]) < sides[0]
    for variant in result.variants:
        blue_or_red = variant[hole].astype(int)
        assert (blue_or_red[:, 1] < 60).all()


def test_other_holes_count_as_missing_and_past_the_frame_they_are_reflected():
    hole, other = np.zeros((2, 80, 90), bool)
    hole[30:60, 40:70], other[30:50, 8:14] = True, True
    view = UprightView.within(level_square(hole, 45.0, context=2.5), hole, hole | other, 45.0)
    picture = np.zeros((80, 90, 3), np.uint8)
    picture[hole | other] = 255
    missing = view.crop.take(view.missing)
    taken = view.take(picture)
    assert (taken[~missing] == 0).all()
    assert missing.sum() > view.hole.sum()
    assert view.crop.take(view.hole).sum() == view.hole.sum() == pytest.approx(900, rel=0.05)


def test_a_face_in_a_very_wide_picture_is_set_upright_as_well():
    picture, points = tilted(30.0)
    hole = lower_face(points)
    wide = np.zeros((picture.shape[0], 33000, 3), np.uint8)
    wide[:, 32000 : 32000 + picture.shape[1]] = picture
    moved = np.zeros(wide.shape[:2], bool)
    moved[:, 32000 : 32000 + picture.shape[1]] = hole
    alone, among = (
        UprightView.within(level_square(one, 30.0, context=1.5), one, one, 30.0).take(image)
        for one, image in ((hole, picture), (moved, wide))
    )
    assert np.array_equal(alone, among)


def test_what_a_hole_hides_does_not_turn_its_fill():
    picture, points = tilted(25.0)
    hole = lower_face(points)
    other = picture.copy()
    other[hole] = 255 - other[hole]
    pipeline = Pipeline(device="cpu")
    one, two = (pipeline.run([shown], [hole])[0] for shown in (picture, other))
    assert one.faces[0].tilt == two.faces[0].tilt != 0.0
    assert np.array_equal(one.image[hole], two.image[hole])
    first, second = (pipeline.run([shown], [hole], variants=2)[0] for shown in (picture, other))
    assert np.array_equal(first.others[0][hole], second.others[0][hole])
