from __future__ import annotations

import numpy as np
import pytest

from detector.evaluation.matching import (
    IGNORED,
    UNMATCHED,
    box_ious,
    mask_ious,
    match,
    precision_recall_curve,
)


def square(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((20, 20), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def test_mask_ious_are_exact() -> None:
    found = [square(0, 0, 10, 10), square(12, 12, 14, 14), square(0, 0, 0, 0)]
    drawn = [square(5, 0, 15, 10), square(0, 0, 10, 10)]
    ious = mask_ious(found, drawn)
    assert ious.shape == (3, 2)
    assert ious[0] == pytest.approx([50 / 150, 1.0])
    assert not ious[1:].any()
    assert mask_ious([], drawn).shape == (0, 2)
    assert mask_ious(found, []).shape == (3, 0)


def test_box_ious_are_exact() -> None:
    ious = box_ious([(0, 0, 10, 10), (2, 2, 2, 2)], [(5, 0, 15, 10), (0, 0, 10, 10), (2, 2, 2, 2)])
    assert ious[0] == pytest.approx([1 / 3, 1.0, 0.0])
    assert not ious[1].any()
    assert box_ious([], []).shape == (0, 0)


def test_the_surer_one_takes_the_mask() -> None:
    ious = np.array([[0.6], [0.9]])
    assert match(ious, [0.9, 0.3], 0.5).tolist() == [0, UNMATCHED]
    assert match(ious, [0.3, 0.9], 0.5).tolist() == [UNMATCHED, 0]
    assert match(ious, [0.9, 0.3], 0.7).tolist() == [UNMATCHED, 0]


def test_each_takes_the_free_mask_it_overlaps_most() -> None:
    ious = np.array([[0.8, 0.7], [0.9, 0.6]])
    assert match(ious, [0.9, 0.8], 0.5).tolist() == [0, 1]


def test_ignored_masks_count_neither_way() -> None:
    ious = np.array([[0.9, 0.0], [0.0, 0.8], [0.0, 0.1]])
    matched = match(ious, [0.5, 0.6, 0.7], 0.5, [True, False])
    assert matched.tolist() == [IGNORED, 1, UNMATCHED]
    assert match(np.zeros((2, 0)), [0.5, 0.6], 0.5).tolist() == [UNMATCHED, UNMATCHED]


def test_average_precision_of_a_perfect_and_of_a_useless_detector() -> None:
    assert precision_recall_curve([0.9, 0.8], [0, 0], 2).average_precision == pytest.approx(1.0)
    assert precision_recall_curve([0.9], [UNMATCHED], 2).average_precision == 0.0
    assert precision_recall_curve([], [], 2).average_precision == 0.0


def test_average_precision_by_hand() -> None:
    # Right, wrong, right of two: precision 1 up to recall 0.5, then 2/3.
    curve = precision_recall_curve([0.7, 0.9, 0.8], [1, 0, UNMATCHED], 2)
    assert curve.scores.tolist() == [0.9, 0.8, 0.7]
    assert curve.precision == pytest.approx([1, 1 / 2, 2 / 3])
    assert curve.recall == pytest.approx([0.5, 0.5, 1.0])
    assert curve.average_precision == pytest.approx((51 * 1.0 + 50 * 2 / 3) / 101)


def test_ignored_ones_do_not_lower_precision() -> None:
    curve = precision_recall_curve([0.9, 0.8], [IGNORED, 0], 1)
    assert curve.precision.tolist() == [1.0]
    assert curve.average_precision == pytest.approx(1.0)
