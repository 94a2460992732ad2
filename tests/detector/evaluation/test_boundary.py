from __future__ import annotations

import math

import numpy as np
import pytest

from detector.evaluation.boundary import boundary, boundary_error, boundary_f_score, length_found


def square(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((40, 40), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def test_boundary_is_the_rim() -> None:
    rim = boundary(square(5, 5, 15, 15))
    assert rim.sum() == 36
    assert not rim[6:14, 6:14].any()
    assert boundary(np.ones((4, 4), bool)).sum() == 12


def test_equal_outlines_score_one_and_far_ones_nothing() -> None:
    mask = square(5, 5, 15, 15)
    assert boundary_f_score(mask, mask, 0.0) == 1.0
    assert boundary_f_score(mask, square(25, 25, 35, 35), 2.0) == 0.0
    empty = np.zeros_like(mask)
    assert boundary_f_score(empty, empty, 1.0) == 1.0
    assert boundary_f_score(mask, empty, 1.0) == 0.0


def test_a_shift_scores_by_what_still_lies_near() -> None:
    # Shifted by 3, of each square's 36 rim pixels these lie within 1 of the other's: 7 columns of
    # the upper and lower edges that both have, one column more, and the upright edge's two ends.
    first, second = square(5, 5, 15, 15), square(8, 5, 18, 15)
    assert boundary_f_score(first, second, 1.0) == pytest.approx(18 / 36)
    assert boundary_f_score(first, second, 3.0) == 1.0


def test_error_of_a_shifted_line_is_the_shift() -> None:
    found, drawn = square(5, 5, 35, 35), square(8, 8, 32, 32)
    assert boundary_error(drawn, drawn) == 0.0
    # Three pixels all round, and a little more at the corners.
    assert boundary_error(found, drawn) == pytest.approx(3.0, abs=0.06)
    assert math.isnan(boundary_error(found, np.zeros_like(found)))


def test_length_of_a_line_that_is_found() -> None:
    drawn, found = np.zeros((2, 30, 100), bool)
    drawn[14:17, 10:90] = True
    found[18, 10:50] = True
    assert length_found(found, drawn, 3.0) == pytest.approx(0.5, abs=0.05)
    assert length_found(found, drawn, 1.0) == 0.0
    assert length_found(np.zeros_like(found), drawn, 3.0) == 0.0
    assert math.isnan(length_found(found, np.zeros_like(drawn), 3.0))
