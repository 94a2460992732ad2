"""A fill is softened where the photo round it is soft, and left alone where it is not."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from examples.astronaut import astronaut
from inpainter.postprocess.softness import match_softness

FACE = astronaut()[150:406, 200:456]
HOLE = np.zeros(FACE.shape[:2], bool)
HOLE[110:220, 60:190] = True


def photo_of(deviation):
    return FACE if deviation == 0.0 else cv2.GaussianBlur(FACE, (0, 0), deviation)


def test_a_fill_as_sharp_as_the_photo_comes_back_itself():
    assert match_softness(FACE, FACE, HOLE) is FACE


@pytest.mark.parametrize("deviation", [1.5, 2.0, 2.5])
def test_a_sharp_fill_in_a_soft_photo_gets_as_soft(deviation):
    photo = photo_of(deviation)
    fill = np.where(HOLE[..., None], FACE, photo)
    softened = match_softness(fill, photo, HOLE)
    assert np.array_equal(softened[~HOLE], fill[~HOLE])
    inner = np.s_[120:210, 70:180]

    def detail(image):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return float((grey - cv2.GaussianBlur(grey, (0, 0), 1.0))[inner].std())

    assert detail(fill) > 1.3 * detail(photo)
    assert 0.7 < detail(softened) / detail(photo) < 1.3


def test_a_soft_fill_in_a_sharp_photo_is_left_to_others():
    fill = np.where(HOLE[..., None], photo_of(2.0), FACE)
    assert match_softness(fill, FACE, HOLE) is fill


@pytest.mark.parametrize("grey", [0, 128])
def test_what_has_no_structure_says_nothing(grey):
    flat = np.full_like(FACE, grey)
    assert match_softness(FACE, flat, HOLE) is FACE
    assert match_softness(flat, FACE, HOLE) is flat


@pytest.mark.parametrize("hole", [np.zeros((9, 9), bool), np.ones((9, 9), bool)])
def test_tiny_pictures_and_holes_without_surroundings_are_left_alone(hole):
    fill = np.zeros((9, 9, 3), np.uint8)
    assert match_softness(fill, fill, hole) is fill


def test_what_is_under_the_hole_is_not_read():
    photo = photo_of(1.5)
    other = np.where(HOLE[..., None], 255 - FACE, photo)
    fill = np.where(HOLE[..., None], FACE, photo)
    softened, same = (match_softness(fill, one, HOLE).astype(int) for one in (photo, other))
    assert np.any(softened != fill)
    # The blur that measures the photo reaches a little across the rim.
    assert np.abs(softened - same)[HOLE].mean() < 0.3


def test_the_softening_grows_without_a_jump_as_the_photo_gets_softer():
    photos = [photo_of(deviation) for deviation in np.arange(1.0, 1.8, 0.025)]
    fills = [match_softness(FACE, photo, HOLE).astype(float) for photo in photos]
    steps = [np.abs(after - before)[HOLE].mean() for before, after in pairwise(fills)]
    assert np.array_equal(fills[0], FACE)
    assert np.abs(fills[-1] - FACE)[HOLE].mean() > 2.0
    assert max(steps) < 0.7
