from __future__ import annotations

import numpy as np
import pytest

from detector.find.duplicates import drop_duplicates, overlap
from weights.base.regions import MaskRegion


def region(x0: int, x1: int, score: float) -> MaskRegion:
    mask = np.zeros((10, 40), bool)
    mask[:, x0:x1] = True
    return MaskRegion(mask, (x0, 0, x1, 10), score)


def test_overlap_by_hand() -> None:
    assert overlap(region(0, 20, 1), region(10, 20, 1)) == pytest.approx((0.5, 1.0))
    assert overlap(region(0, 10, 1), region(10, 20, 1)) == (0.0, 0.0)
    assert overlap(region(0, 0, 1), region(10, 20, 1)) == (0.0, 0.0)


def test_the_surest_of_each_mask_stays() -> None:
    regions = [region(0, 20, 0.3), region(1, 20, 0.9), region(25, 35, 0.5), region(2, 6, 0.4)]
    assert [entry.score for entry in drop_duplicates(regions)] == [0.9, 0.5]


def test_neighbours_that_touch_stay() -> None:
    regions = [region(0, 20, 0.9), region(16, 36, 0.8)]
    assert len(drop_duplicates(regions)) == 2
    assert drop_duplicates([]) == []
