from __future__ import annotations

import numpy as np
import pytest

from pipeline.crop import Crop
from tests.conformance.scenes import SIZES, disc, holes, scene
from weights.base.errors import InputError

CASES = [(size, name) for size in SIZES for name in sorted(holes((1, 1))) if name != "empty"]


@pytest.mark.parametrize(("size", "name"), CASES)
def test_a_crop_goes_back_bit_for_bit(size, name):
    image, hole = scene(size), holes(size)[name]
    crop = Crop.around(hole)
    taken = crop.take(image)
    assert taken.shape == (crop.side, crop.side, 3)
    assert np.array_equal(taken[crop.window], image[crop.inside])
    canvas = image.copy()
    canvas[hole] = 0
    crop.put(canvas, taken, hole)
    assert np.array_equal(canvas, image)


@pytest.mark.parametrize(("size", "name"), CASES)
def test_the_hole_lies_in_its_crop_and_counts_where_it_is_reflected(size, name):
    hole = holes(size)[name]
    crop = Crop.around(hole)
    missing = crop.take(hole)
    assert missing.dtype == np.bool_
    assert np.count_nonzero(missing[crop.window]) == np.count_nonzero(hole)
    # A picture that shows its hole by a colour shows it in the crop exactly where it is missing.
    painted = np.zeros((*size, 3), np.uint8)
    painted[hole] = 255
    assert np.array_equal(crop.take(painted)[:, :, 0] == 255, missing)


def test_only_the_hole_is_written():
    image = scene((60, 80))
    hole = disc((60, 80), radius=0.1)
    crop = Crop.around(hole)
    canvas = image.copy()
    crop.put(canvas, np.zeros((crop.side, crop.side, 3), np.uint8), hole)
    assert (canvas[hole] == 0).all()
    assert np.array_equal(canvas[~hole], image[~hole])


def test_a_crop_owns_its_pixels():
    image = scene((60, 80))
    taken = Crop(10, 10, 20, 60, 80).take(image)
    before = image.copy()
    taken[:] = 0
    assert np.array_equal(image, before)


def test_past_the_frame_the_picture_is_reflected():
    image = scene((40, 40))
    taken = Crop(-5, 30, 20, 40, 40).take(image)
    assert np.array_equal(taken[:10, 5:], image[30:, :15])
    assert np.array_equal(taken[0, :5], image[30, 5:0:-1])
    assert np.array_equal(taken[10:, 5], image[38:28:-1, 0])


def test_context_and_lift_are_followed():
    hole = disc((400, 400), radius=0.1)
    narrow, wide = Crop.around(hole, context=1.2), Crop.around(hole, context=2.4)
    assert abs(wide.side - 2 * narrow.side) <= 1
    assert Crop.around(hole, lift=0.2).y0 < Crop.around(hole, lift=0.0).y0


def test_an_empty_hole_has_no_crop():
    with pytest.raises(InputError):
        Crop.around(np.zeros((5, 5), np.bool_))
