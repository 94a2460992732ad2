"""The second look: where it looks, and what it makes of what it sees."""

from __future__ import annotations

import numpy as np
import pytest

from detector.regions import MaskRegion
from detector.second_look import CONTEXT, confirm, cut, window_round


def region(x0: int, y0: int, x1: int, y1: int, score: float = 0.5, size=(100, 120)) -> MaskRegion:
    mask = np.zeros(size, bool)
    mask[y0:y1, x0:x1] = True
    return MaskRegion.from_mask(mask, score)


def test_the_window_is_a_square_round_the_find() -> None:
    assert CONTEXT == 2.5
    assert window_round(region(50, 40, 70, 50), 100, 120) == (35, 20, 85, 70)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 20, 10), (0, 0, 50, 50)),
        ((100, 90, 120, 100), (70, 50, 120, 100)),
        ((10, 5, 110, 95), (0, 0, 120, 100)),
    ],
)
def test_at_the_border_it_moves_inwards_and_never_leaves_the_picture(
    box: tuple[int, int, int, int], expected: tuple[int, int, int, int]
) -> None:
    window = window_round(region(*box), 100, 120)
    assert window == expected
    image = np.arange(100 * 120 * 3, dtype=np.uint32).astype(np.uint8).reshape(100, 120, 3)
    part = cut(image, window)
    assert part.shape == (window[3] - window[1], window[2] - window[0], 3)
    assert np.array_equal(part[0, 0], image[window[1], window[0]])


def test_a_find_that_is_seen_again_takes_the_better_outline_and_a_joint_score() -> None:
    first = region(50, 40, 70, 50, score=0.36)
    window = (35, 20, 85, 70)
    again = [region(15, 20, 36, 31, 0.81, (50, 50)), region(0, 0, 5, 5, 0.9, (50, 50))]
    joint = confirm(first, window, again)
    assert joint is not None
    assert joint.score == pytest.approx(0.36 * 0.81)
    assert joint.mask.shape == (100, 120)
    assert joint.box == (50.0, 40.0, 71.0, 51.0)
    assert int(joint.mask.sum()) == 21 * 11


def test_a_find_that_is_not_seen_again_was_none() -> None:
    first = region(50, 40, 70, 50)
    window = (35, 20, 85, 70)
    assert confirm(first, window, []) is None
    assert confirm(first, window, [region(0, 0, 8, 8, 0.9, (50, 50))]) is None
