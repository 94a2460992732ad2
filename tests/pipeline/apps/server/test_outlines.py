"""Outlines along the borders of pixels give the mask back."""

import numpy as np
import pytest

from pipeline.apps.server.outlines import mask_outlines


def filled(outlines, size):
    """Pixels inside by the even-odd rule: each vertical border flips all pixels right of it."""
    flips = np.zeros((size[0], size[1] + 1), np.int64)
    for outline in outlines:
        for (x0, y0), (x1, y1) in zip(outline, outline[1:] + outline[:1], strict=True):
            assert (x0 == x1) != (y0 == y1)
            if x0 == x1:
                flips[min(y0, y1) : max(y0, y1), x0] += 1
    return np.cumsum(flips, axis=1)[:, :-1] % 2 == 1


def signed_area(outline):
    x, y = np.array(outline).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def test_one_pixel():
    mask = np.zeros((5, 7), bool)
    mask[2, 3] = True
    (outline,) = mask_outlines(mask)
    assert sorted(outline) == [(3, 2), (3, 3), (4, 2), (4, 3)]
    assert signed_area(outline) == 1.0


def test_straight_runs_have_no_points_between():
    mask = np.zeros((30, 40), bool)
    mask[5:20, 10:35] = True
    (outline,) = mask_outlines(mask)
    assert sorted(outline) == [(10, 5), (10, 20), (35, 5), (35, 20)]


def test_a_gap_is_an_outline_the_other_way_round():
    mask = np.ones((9, 9), bool)
    mask[3:6, 3:6] = False
    areas = sorted(signed_area(outline) for outline in mask_outlines(mask))
    assert areas == [-9.0, 81.0]


def test_pixels_that_touch_at_a_corner_are_apart():
    mask = np.eye(4, dtype=bool)
    assert [signed_area(outline) for outline in mask_outlines(mask)] == [1.0] * 4


def test_the_whole_picture_and_nothing():
    assert len(mask_outlines(np.ones((3, 4), bool))) == 1
    assert mask_outlines(np.zeros((3, 4), bool)) == []


@pytest.mark.parametrize("seed", range(12))
def test_filling_the_outlines_gives_any_mask_back(seed):
    random = np.random.default_rng(seed)
    mask = random.random((random.integers(1, 40), random.integers(1, 40))) < random.random()
    outlines = mask_outlines(mask)
    assert np.array_equal(filled(outlines, mask.shape), mask)
    assert sum(signed_area(outline) for outline in outlines) == mask.sum()
    assert all(len(outline) >= 4 for outline in outlines)
