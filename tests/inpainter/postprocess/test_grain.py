from __future__ import annotations

import cv2
import numpy as np
import pytest

from inpainter.postprocess.grain import match_grain
from tests.conformance.scenes import disc, holes

SIZE = (200, 220)


def _skin(noise, seed=0):
    random = np.random.default_rng(seed)
    plane = random.normal(0.0, noise, SIZE)[:, :, None]
    return np.clip(np.array([180.0, 140.0, 120.0]) + plane, 0, 255).astype(np.uint8)


def _noise(image, where):
    plane = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((plane - cv2.GaussianBlur(plane, (0, 0), 2.0))[where].std())


@pytest.mark.parametrize("noise", [2.0, 5.0])
def test_a_smooth_fill_gets_the_noise_of_its_surroundings(noise):
    image, hole = _skin(noise), disc(SIZE, radius=0.25)
    smooth = _skin(0.0)
    matched = match_grain(smooth, image, hole)
    wanted = _noise(image, ~hole)
    assert 0.7 * wanted < _noise(matched, hole) < 1.3 * wanted
    assert np.array_equal(matched[~hole], smooth[~hole])
    # Noise has no colour and no mean.
    assert np.abs(matched[hole].mean(axis=0) - smooth[hole].mean(axis=0)).max() < 0.5


def test_a_fill_that_lacks_hardly_any_noise_may_be_spared():
    image, hole = _skin(2.0), disc(SIZE, radius=0.25)
    smooth = _skin(0.0)
    assert match_grain(smooth, image, hole, spared=3.0) is smooth
    assert match_grain(smooth, _skin(8.0), hole, spared=3.0) is not smooth


def test_a_rough_scarf_below_the_hole_is_no_noise_of_the_skin_above_it():
    image, hole = _skin(20.0, seed=1), disc(SIZE, radius=0.25)
    # Scarf below and hair on both sides leave no calm part of the ring but the one above.
    image[:70, 70:150] = _skin(1.0)[:70, 70:150]
    matched = match_grain(_skin(0.0), image, hole)
    assert _noise(matched, hole) < 1.5 * _noise(_skin(1.0), ~hole)


def test_a_fill_with_the_same_noise_is_left_about_alone():
    image, hole = _skin(4.0), disc(SIZE, radius=0.25)
    other = _skin(4.0, seed=1)
    matched = match_grain(other, image, hole)
    assert _noise(matched, hole) < 1.2 * _noise(other, hole)


@pytest.mark.parametrize("name", sorted(holes((1, 1))))
def test_without_noise_nothing_changes(name):
    hole = holes(SIZE)[name]
    assert np.array_equal(match_grain(_skin(0.0), _skin(0.0), hole), _skin(0.0))


def test_a_soft_fill_gets_sharper_next_to_a_sharp_picture():
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    waves = 128 + 50 * np.sin(x / 2.5) * np.sin(y / 2.5)
    image = np.stack([waves] * 3, axis=2).astype(np.uint8)
    soft = cv2.GaussianBlur(image, (0, 0), 1.2)
    hole = disc(SIZE, radius=0.25)
    matched = match_grain(soft, image, hole, enlarged=2.0)
    assert np.std(soft[hole]) * 1.02 < np.std(matched[hole]) < np.std(image[hole])
    before = np.abs(soft[hole].astype(int) - image[hole]).mean()
    assert np.abs(matched[hole].astype(int) - image[hole]).mean() < before


def test_the_same_again_gives_the_same():
    image, hole = _skin(5.0), disc(SIZE, radius=0.2)
    first = match_grain(_skin(0.0), image, hole)
    assert np.array_equal(first, match_grain(_skin(0.0), image, hole))
