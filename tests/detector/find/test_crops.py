"""Cuts bring any box to one size, and masks find the way back."""

from __future__ import annotations

import numpy as np
import pytest

from detector.find.crops import Crop


def disc(height: int, width: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def test_a_cut_frames_the_longer_side_of_the_box():
    cut = Crop.around((10.0, 20.0, 50.0, 40.0), 2.0, 64)
    assert (cut.left, cut.top, cut.side, cut.size) == (-10.0, -10.0, 80.0, 64)


@pytest.mark.parametrize("side", [24, 60, 128, 500])
def test_a_mask_comes_back_where_it_was(side):
    height, width = 700, 900
    mask = disc(height, width, 480.0, 300.0, side / 2)
    cut = Crop.around((480 - side / 2, 300 - side / 2, 480 + side / 2, 300 + side / 2), 2.0, 128)
    share = cut.take_mask(mask)
    assert share.shape == (128, 128) and share.min() >= 0.0 and share.max() <= 1.0
    back = cut.put_back(share - 0.5, height, width)
    assert (back & mask).sum() / (back | mask).sum() > 0.95


def test_a_picture_and_its_mask_are_cut_alike():
    mask = disc(300, 300, 150.0, 140.0, 60.0)
    image = np.where(mask[:, :, None], 255, 0).astype(np.uint8).repeat(3, axis=2)
    for size in (32, 64, 256):
        cut = Crop.around((90.0, 80.0, 210.0, 200.0), 1.6, size)
        assert np.abs(cut.take(image)[:, :, 0] / 255.0 - cut.take_mask(mask)).max() < 0.02


def test_what_lies_past_the_frame_is_grey():
    image = np.full((40, 40, 3), 200, np.uint8)
    taken = Crop.around((0.0, 0.0, 20.0, 20.0), 4.0, 80).take(image)
    assert (taken[:25] == 114).all() and (taken[:, :25] == 114).all()
    assert (taken[35:65, 35:65] == 200).all()


def test_a_box_at_the_corner_of_a_large_picture_is_reduced():
    image = np.zeros((1000, 1400, 3), np.uint8)
    image[:, ::2] = 255
    taken = Crop.around((1100.0, 700.0, 1400.0, 1000.0), 2.0, 64).take(image)
    assert np.abs(taken[8:24, 8:24].astype(int) - 128).max() < 12, (
        "stripes are averaged, not picked"
    )
