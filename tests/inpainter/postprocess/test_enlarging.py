"""Tests of how fills are brought to the size of their crops."""

from __future__ import annotations

import numpy as np
import pytest

from inpainter.postprocess.enlarging import enlarge, smooth_flat_parts


@pytest.mark.parametrize("side", [20, 40, 50, 80, 113])
def test_any_side_comes_back(side):
    fill = np.full((40, 40, 3), (200, 150, 120), np.uint8)
    assert (enlarge(fill, side) == (200, 150, 120)).all()
    assert enlarge(fill, side).shape == (side, side, 3)


def test_a_fill_of_the_right_size_is_left_alone():
    fill = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    assert (enlarge(fill, 16) == fill).all()


def test_a_weave_goes_and_an_edge_stays():
    fill = np.full((64, 64, 3), 150, np.uint8)
    fill[:, :, 1] = 110
    fill[::2, ::2] += 6
    fill[40:, :] = (90, 40, 40)
    smooth = smooth_flat_parts(fill).astype(int)
    assert smooth[:36, :, 0].std() < 0.3 * fill[:36, :, 0].std()
    assert smooth[38, :, 0].mean() - smooth[41, :, 0].mean() > 50
    large, little = enlarge(fill, 160), enlarge(fill, 96)
    assert large[:90, :, 0].std() < 0.5 * little[:54, :, 0].std(), "smoothed for large faces alone"
