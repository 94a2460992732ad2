from __future__ import annotations

import numpy as np
import pytest

from inpainter.classical import (
    BiharmonicInpainter,
    LowRankInpainter,
    NavierStokesInpainter,
    PatchMatchInpainter,
    TeleaInpainter,
    TotalVariationInpainter,
)
from weights.base.errors import ConfigurationError, InputError

METHODS = [
    TeleaInpainter,
    NavierStokesInpainter,
    BiharmonicInpainter,
    TotalVariationInpainter,
    LowRankInpainter,
    PatchMatchInpainter,
]


def ramp(height=40, width=56):
    across = np.linspace(0, 255, width)[None, :, None]
    down = np.linspace(30, 200, height)[:, None, None]
    picture = np.broadcast_to(across, (height, width, 3)).copy()
    picture[..., 1] = np.broadcast_to(down[..., 0], (height, width))
    return np.rint(picture).astype(np.uint8)


def box(height=40, width=56):
    hole = np.zeros((height, width), bool)
    hole[12:28, 20:36] = True
    return hole


@pytest.fixture(params=METHODS, ids=lambda method: method.__name__)
def inpainter(request):
    return request.param()


def test_known_pixels_come_back_bit_for_bit_and_the_input_is_left_alone(inpainter):
    noise = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)
    before = noise.copy()
    hole = box(33, 47)
    (result,) = inpainter.complete([noise], [hole])
    assert result.dtype == np.uint8 and result.shape == noise.shape
    np.testing.assert_array_equal(result[~hole], before[~hole])
    np.testing.assert_array_equal(noise, before)


def test_what_lies_in_the_hole_does_not_show(inpainter):
    crop, hole = ramp(), box()
    painted = crop.copy()
    painted[hole] = (255, 0, 255)
    first, second = inpainter.complete([crop, painted], [hole, hole])
    np.testing.assert_array_equal(first, second)


def test_a_smooth_picture_is_filled_nearly_right(inpainter):
    crop, hole = ramp(), box()
    (result,) = inpainter.complete([crop], [hole])
    error = np.abs(result[hole].astype(int) - crop[hole].astype(int))
    assert error.mean() < (2 if isinstance(inpainter, BiharmonicInpainter) else 25)


def test_a_constant_picture_stays_constant(inpainter):
    crop = np.full((32, 32, 3), (10, 120, 240), np.uint8)
    (result,) = inpainter.complete([crop], [box(32, 32)])
    # OpenCV's Telea is off by up to 3 levels even on a constant picture.
    tolerance = 3 if isinstance(inpainter, TeleaInpainter) else 1
    assert np.abs(result.astype(int) - crop).max() <= tolerance


def test_empty_and_full_holes(inpainter):
    crop = ramp()
    empty, full = inpainter.complete(
        [crop, crop], [np.zeros(crop.shape[:2], bool), np.ones(crop.shape[:2], bool)]
    )
    np.testing.assert_array_equal(empty, crop)
    assert (full == 127).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2)])
def test_tiny_crops(inpainter, size):
    crop = np.full((*size, 3), 90, np.uint8)
    hole = np.zeros(size, bool)
    hole[0, 0] = True
    (result,) = inpainter.complete([crop], [hole])
    assert result.shape == crop.shape
    np.testing.assert_array_equal(result[~hole], crop[~hole])


def test_a_hole_that_leaves_one_pixel(inpainter):
    crop, hole = ramp(), np.ones((40, 56), bool)
    hole[20, 30] = False
    (result,) = inpainter.complete([crop], [hole])
    np.testing.assert_array_equal(result[20, 30], crop[20, 30])


def test_a_batch_is_its_crops_one_by_one(inpainter):
    crops, holes = [ramp(), ramp(24, 30)], [box(), box(24, 30)]
    together = inpainter.complete(crops, holes)
    for crop, hole, result in zip(crops, holes, together, strict=True):
        np.testing.assert_array_equal(inpainter.complete([crop], [hole])[0], result)
    assert inpainter.complete([], []) == []


def test_large_crops_are_solved_small():
    crop, hole = ramp(300, 420), np.zeros((300, 420), bool)
    hole[100:200, 150:250] = True
    (result,) = BiharmonicInpainter(longest_side=64).complete([crop], [hole])
    np.testing.assert_array_equal(result[~hole], crop[~hole])
    assert np.abs(result[hole].astype(int) - crop[hole].astype(int)).mean() < 4


def test_total_variation_prolongs_a_straight_edge():
    crop = np.zeros((40, 40, 3), np.uint8)
    crop[:, 20:] = 200
    hole = np.zeros((40, 40), bool)
    hole[15:25, 10:30] = True
    (result,) = TotalVariationInpainter(iterations=2000).complete([crop], [hole])
    assert (np.abs(result.astype(int) - crop) > 8).mean() < 0.01


def test_low_rank_completes_a_matrix_of_rank_one_better_than_smoothness():
    random = np.random.default_rng(0)
    matrix = np.outer(random.uniform(0.2, 1.0, 60), random.uniform(0.2, 1.0, 60))
    crop = np.repeat(np.rint(255 * matrix)[..., None], 3, axis=2).astype(np.uint8)
    hole = np.zeros((60, 60), bool)
    hole[20:35, 20:35] = True
    errors = {}
    for inpainter in (LowRankInpainter(), BiharmonicInpainter()):
        (result,) = inpainter.complete([crop], [hole])
        error = np.abs(result[hole].astype(int) - crop[hole].astype(int)).mean()
        errors[type(inpainter)] = error
    assert errors[LowRankInpainter] < 6 < 0.3 * errors[BiharmonicInpainter]


def test_patchmatch_goes_on_with_a_texture_that_smoothness_blurs():
    y, x = np.mgrid[:64, :64]
    crop = np.repeat((((x // 4 + y // 4) % 2) * 150 + 50)[..., None], 3, axis=2).astype(np.uint8)
    hole = np.zeros((64, 64), bool)
    hole[20:44, 20:44] = True
    (result,) = PatchMatchInpainter().complete([crop], [hole])
    assert np.abs(result[hole].astype(int) - crop[hole]).mean() < 5
    (again,) = PatchMatchInpainter().complete([crop], [hole])
    assert np.array_equal(result, again)


def test_patchmatch_takes_what_it_fills_with_from_the_picture_only():
    random = np.random.default_rng(0)
    crop = random.choice(np.array([0, 250], np.uint8), (48, 48, 1)).repeat(3, axis=2)
    hole = np.zeros((48, 48), bool)
    hole[20:24, 20:24] = True
    (result,) = PatchMatchInpainter(patch=3).complete([crop], [hole])
    # Noise has no structure to go on with, but its contrast must stay.
    assert result[hole].std() > 40


def test_wrong_input_gets_one_clear_sentence(inpainter):
    with pytest.raises(InputError, match="one hole per crop"):
        inpainter.complete([ramp()], [])
    with pytest.raises(InputError, match="uint8 RGB"):
        inpainter.complete([ramp()[..., 0]], [box()])
    with pytest.raises(InputError, match="height and width"):
        inpainter.complete([ramp()], [box(8, 8)])


def test_options_are_checked():
    with pytest.raises(ConfigurationError, match="radius"):
        TeleaInpainter(radius=0)
    with pytest.raises(ConfigurationError, match="radius"):
        NavierStokesInpainter(radius=float("nan"))
    with pytest.raises(ConfigurationError, match="iterations"):
        TotalVariationInpainter(iterations=0)
    with pytest.raises(ConfigurationError, match="last_threshold"):
        LowRankInpainter(last_threshold=2)
    with pytest.raises(ConfigurationError, match="patch"):
        PatchMatchInpainter(patch=4)
    with pytest.raises(ConfigurationError, match="longest_side"):
        BiharmonicInpainter(longest_side=3)
