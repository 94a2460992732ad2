"""Crops bring any box to one size, and masks find the way back."""

from __future__ import annotations

import numpy as np
import pytest

from detector.find.crops import Crop, tilted_box


def disc(height: int, width: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def test_a_cut_frames_the_longer_side_of_the_box():
    crop = Crop.around((10.0, 20.0, 50.0, 40.0), 2.0, 64)
    assert (crop.x, crop.y, crop.side, crop.size) == (30.0, 30.0, 80.0, 64)


@pytest.mark.parametrize("side", [24, 60, 128, 500])
def test_a_mask_comes_back_where_it_was(side):
    height, width = 700, 900
    mask = disc(height, width, 480.0, 300.0, side / 2)
    crop = Crop.around((480 - side / 2, 300 - side / 2, 480 + side / 2, 300 + side / 2), 2.0, 128)
    share = crop.take_mask(mask)
    assert share.shape == (128, 128) and share.min() >= 0.0 and share.max() <= 1.0
    back = crop.put_back(share - 0.5, height, width)
    assert (back & mask).sum() / (back | mask).sum() > 0.95


def test_a_picture_and_its_mask_are_cut_alike():
    mask = disc(300, 300, 150.0, 140.0, 60.0)
    image = np.where(mask[:, :, None], 255, 0).astype(np.uint8).repeat(3, axis=2)
    for size in (32, 64, 256):
        crop = Crop.around((90.0, 80.0, 210.0, 200.0), 1.6, size)
        assert np.abs(crop.take(image)[:, :, 0] / 255.0 - crop.take_mask(mask)).max() < 0.02


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


@pytest.mark.parametrize("tilt", [-70.0, 30.0, 90.0])
def test_a_tilted_cut_shows_a_tilted_bar_level(tilt):
    rows, columns = np.mgrid[:300, :400] + 0.5
    angle = np.radians(tilt)
    along = (columns - 210) * np.cos(angle) + (rows - 160) * np.sin(angle)
    across = (rows - 160) * np.cos(angle) - (columns - 210) * np.sin(angle)
    bar = (np.abs(along) < 60) & (np.abs(across) < 15)
    x0, y0, x1, y1 = tilted_box(bar, tilt)
    assert x1 - x0 == pytest.approx(120, abs=3) and y1 - y0 == pytest.approx(30, abs=3)
    for size in (48, 240):
        crop = Crop.around((x0, y0, x1, y1), 2.0, size, tilt)
        assert (crop.x, crop.y) == pytest.approx((210, 160), abs=1.0)
        share = crop.take_mask(bar)
        scale = size / 240
        assert share.sum(axis=1).max() == pytest.approx(120 * scale, rel=0.04)
        assert share.sum(axis=0).max() == pytest.approx(30 * scale, rel=0.1)
        back = crop.put_back(share - 0.5, 300, 400)
        assert (back & bar).sum() / (back | bar).sum() > 0.9


def test_the_tilted_box_of_no_tilt_is_the_box():
    mask = np.zeros((50, 60), bool)
    mask[10:30, 20:45] = True
    assert tilted_box(mask, 0.0) == pytest.approx((20, 10, 45, 30))
