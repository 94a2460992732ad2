"""Poisson pasting: no step at the hole's edge, wherever the hole is."""

from __future__ import annotations

import numpy as np
import pytest

from inpainter.postprocess.poisson import poisson_paste


def picture():
    y, x = np.mgrid[:40, :56]
    return np.stack([3 * y + x, 60 + 2 * x, 220 - 2 * y - x], axis=2).astype(np.uint8)


def test_a_fill_of_another_colour_is_brought_to_the_picture_s():
    crop = picture()
    hole = np.zeros((40, 56), bool)
    hole[10:30, 12:40] = True
    fill = (crop.astype(int) - 20).astype(np.uint8)
    result = poisson_paste(crop, fill, hole)
    assert np.abs(result.astype(int) - crop).max() <= 1


@pytest.mark.parametrize(
    "where", [np.s_[:, 20:40], np.s_[20:, :], np.s_[:15, :15], np.s_[0:0], np.s_[39:, 55:]]
)
def test_holes_at_the_border_and_empty_ones(where):
    crop = picture()
    hole = np.zeros((40, 56), bool)
    hole[where] = True
    fill = np.minimum(crop.astype(int) + 30, 255).astype(np.uint8)
    result = poisson_paste(crop, fill, hole)
    assert np.array_equal(result[~hole], crop[~hole])
    untouched = crop.max(axis=2) < 225
    assert np.abs(result.astype(int) - crop)[untouched].max(initial=0) <= 2


def test_the_fill_is_not_shifted():
    crop = np.full((32, 32, 3), 100, np.uint8)
    fill = crop.copy()
    fill[12, 20] = 160
    hole = np.zeros((32, 32), bool)
    hole[8:20, 10:28] = True
    result = poisson_paste(crop, fill, hole)
    assert np.argwhere(result[..., 0] > 140).tolist() == [[12, 20]]


def test_without_known_pixels_the_fill_is_the_result():
    crop, fill = picture(), np.full((40, 56, 3), 7, np.uint8)
    assert np.array_equal(poisson_paste(crop, fill, np.ones((40, 56), bool)), fill)
