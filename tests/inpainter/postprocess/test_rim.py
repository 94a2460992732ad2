from __future__ import annotations

import numpy as np
import pytest

from inpainter.completion import NetworkInpainter
from inpainter.postprocess.rim import fill_from_rim
from pipeline import Pipeline

SIDES = (33, 64, 100, 127, 191, 255, 256, 257, 300, 511)


def faces(side, seed=0):
    """Two pictures that differ in a hole alone: black and white noise under it in one, grey."""
    random = np.random.default_rng(seed)
    picture = random.integers(60, 190, (side, side, 3), dtype=np.uint8)
    hole = np.zeros((side, side), bool)
    hole[side // 2 : side - side // 8, side // 5 : side - side // 4] = True
    hole[side // 3 : side // 2, side // 2 :: 7] = True
    other = picture.copy()
    other[hole] = random.choice(np.array([0, 255], np.uint8), (int(hole.sum()), 1))
    picture[hole] = (200, 30, 90)
    return picture, other, hole


def test_missing_pixels_take_the_nearest_known_colour():
    picture = np.zeros((3, 5, 3), np.uint8)
    picture[:, 0], picture[:, 4] = 10, 50
    hole = np.zeros((3, 5), bool)
    hole[:, 1:4] = True
    filled = fill_from_rim(picture, hole)
    assert filled[:, 1].tolist() == [[10] * 3] * 3 and filled[:, 3].tolist() == [[50] * 3] * 3
    assert (filled[~hole] == picture[~hole]).all()
    assert (fill_from_rim(picture, np.ones((3, 5), bool)) == 127).all()
    assert fill_from_rim(picture, np.zeros((3, 5), bool)) is picture


@pytest.fixture(scope="module")
def network():
    return NetworkInpainter(device="cpu", precision="float32")


@pytest.mark.parametrize("finish", ["none", "telea-poisson"])
def test_what_lies_under_a_hole_does_not_change_its_fill(network, finish):
    inpainter = NetworkInpainter(network.network, device="cpu", precision="float32", finish=finish)
    for side in SIDES:
        first, second, hole = faces(side)
        for height in (side, side - side // 3):
            one, two = inpainter.complete([first[:height], second[:height]], [hole[:height]] * 2)
            assert np.array_equal(one[hole[:height]], two[hole[:height]]), (side, height)


@pytest.mark.parametrize("blender", ["feather", "poisson", "none"])
@pytest.mark.parametrize("inpainter", ["gated", "telea", "patchmatch"])
def test_a_result_is_the_same_for_any_hidden_content(blender, inpainter):
    pipeline = Pipeline(inpainter=inpainter, blender=blender, device="cpu")
    for side in (90, 257):
        first, second, hole = faces(side, seed=1)
        one, two = (pipeline.run([picture], [hole])[0].image for picture in (first, second))
        assert np.array_equal(one, two), side


def test_the_colours_are_those_of_the_nearest_known_pixels() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        height, width = random.integers(4, 24, 2)
        hole = np.zeros((height, width), bool)
        for _ in range(2):
            y, x = random.integers(0, height), random.integers(0, width)
            hole[y : y + random.integers(1, 12), x : x + random.integers(1, 12)] = True
        if hole.all():
            continue
        # Each known pixel has a colour of its own, which tells where a filled one's comes from.
        order = np.arange(height * width).reshape(height, width)
        picture = np.stack([order // 256, order % 256, 0 * order], axis=2).astype(np.uint8)
        filled = fill_from_rim(picture, hole).astype(int)
        source = filled[..., 0] * 256 + filled[..., 1]
        assert not hole.ravel()[source].any()
        rows, columns = np.indices(hole.shape)
        distance = np.hypot(rows - source // width, columns - source % width)
        known = np.argwhere(~hole)
        least = np.array([np.hypot(*(known - place).T).min() for place in np.argwhere(hole)])
        # The distances of a 3 x 3 chamfer are off by some hundredths.
        assert (distance[hole] <= 1.1 * least + 1e-6).all()
        assert (distance[~hole] == 0).all()
