from __future__ import annotations

import numpy as np
import pytest

from detector.find.letterbox import PADDING_GREY, Letterbox


@pytest.mark.parametrize(
    ("height", "width"), [(40, 80), (80, 40), (64, 64), (500, 333), (1, 1), (2, 900)]
)
def test_pictures_lie_in_the_middle(height: int, width: int) -> None:
    letterbox = Letterbox.fit(height, width, 64)
    square = letterbox.apply(np.full((height, width, 3), 255, np.uint8))
    assert square.shape == (64, 64, 3)
    assert square.dtype == np.uint8
    drawn = (square == 255).all(axis=2)
    assert max(drawn.any(axis=0).sum(), drawn.any(axis=1).sum()) == 64
    assert (square[~drawn] == PADDING_GREY).all()


def test_boxes_go_back_and_are_cut_to_the_picture() -> None:
    letterbox = Letterbox.fit(40, 80, 160)
    assert letterbox.box_to_picture(np.array([20.0, 60.0, 60.0, 100.0])) == (10.0, 10.0, 30.0, 30.0)
    assert letterbox.box_to_picture(np.array([-9.0, 0.0, 999.0, 999.0])) == (0.0, 0.0, 80.0, 40.0)


@pytest.mark.parametrize("size", [(120, 200), (37, 29), (900, 640)])
def test_maps_come_back_where_the_picture_was(size: tuple[int, int]) -> None:
    height, width = size
    letterbox = Letterbox.fit(height, width, 128)
    # A map that holds, at each of its own points, the x of the picture there.
    centres = (np.arange(32) + 0.5) * 4
    values = np.tile((centres - letterbox.left) / letterbox.scale, (32, 1)).astype(np.float32)
    whole = letterbox.window_of_map(values, (0, 0, width, height))
    assert whole.shape == (height, width)
    inner = slice(width // 4, 3 * width // 4)
    expected = np.arange(width) + 0.5
    step = 4 / letterbox.scale
    assert np.abs(whole[height // 2, inner] - expected[inner]).max() < 0.05 * step
    part = letterbox.window_of_map(values, (5, 3, 25, 20))
    assert np.abs(part - whole[3:20, 5:25]).max() < 0.05 * step
