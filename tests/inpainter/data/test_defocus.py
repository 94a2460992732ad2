"""Photos out of focus are blurred by a Gaussian, and half of them are noisy."""

import cv2
import numpy as np
import pytest

from inpainter.data.defocus import Defocus


def test_an_edge_is_blurred_by_the_standard_deviation():
    edge = np.zeros((64, 64, 3), np.uint8)
    edge[:, 32:] = 200
    blurred = Defocus(2.0, np.zeros((64, 64, 1), np.float32))(edge)
    assert np.array_equal(blurred, cv2.GaussianBlur(edge, (0, 0), 2.0))
    # 0.75 standard deviations from the edge, a Gaussian has 77 % of the step.
    assert blurred[32, 33, 0] == pytest.approx(200 * 0.773, abs=4)


def test_noise_is_grey_and_about_half_of_the_pictures_have_none():
    random = np.random.default_rng(0)
    drawn = [Defocus.draw(256, random) for _ in range(60)]
    assert all(0.6 <= one.deviation <= 3.5 for one in drawn)
    levels = np.array([one.noise.std() for one in drawn])
    assert 0.3 < np.mean(levels == 0.0) < 0.7
    assert 3.0 < levels.max() < 4.2
    flat = np.full((256, 256, 3), 100, np.uint8)
    picture = drawn[int(levels.argmax())](flat)
    assert np.array_equal(picture[..., 0], picture[..., 2])
    assert picture.std() == pytest.approx(levels.max(), rel=0.05)


def test_the_blur_grows_with_the_picture():
    small, large = (Defocus.draw(size, np.random.default_rng(1)) for size in (128, 512))
    assert large.deviation == pytest.approx(4 * small.deviation)
