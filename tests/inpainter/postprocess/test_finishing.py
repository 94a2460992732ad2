"""GLCIC's last step: colours of the surroundings, gradient of the fill, at any hole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from inpainter.completion import NetworkInpainter
from inpainter.outputs import CompletionOutput
from inpainter.postprocess.finishing import find_finish, telea_poisson_paste
from weights.base.errors import ConfigurationError


def slope(height: int = 48, width: int = 48) -> np.ndarray:
    """A picture that gets brighter to the right."""
    row = np.linspace(60, 180, width)
    return np.repeat(np.repeat(row[None, :, None], height, 0), 3, 2).astype(np.uint8)


def box(top: int, bottom: int, left: int, right: int, size: int = 48) -> np.ndarray:
    hole = np.zeros((size, size), bool)
    hole[top:bottom, left:right] = True
    return hole


@pytest.mark.parametrize(
    "hole",
    [
        box(12, 36, 12, 36),
        box(0, 20, 10, 40),
        box(30, 48, 0, 48),
        box(0, 48, 20, 48),
        box(20, 21, 20, 21),
        box(20, 22, 0, 48),
    ],
    ids=["inside", "top", "bottom", "side", "pixel", "line"],
)
def test_a_fill_of_other_brightness_meets_its_surroundings(hole: np.ndarray) -> None:
    picture = slope()
    fill = np.clip(picture.astype(int) + 50, 0, 255).astype(np.uint8)
    finished = telea_poisson_paste(picture, fill, hole)
    assert np.array_equal(finished[~hole], picture[~hole])
    # The fill has the true gradient, so nothing is left of its wrong level.
    assert np.abs(finished.astype(int) - picture)[hole].max() <= 8


def test_what_lies_in_the_hole_does_not_matter() -> None:
    hole = box(10, 30, 10, 30)
    other = slope()
    other[hole] = 7
    fill = np.full_like(other, 120)
    assert np.array_equal(
        telea_poisson_paste(slope(), fill, hole), telea_poisson_paste(other, fill, hole)
    )


def test_empty_and_whole_holes() -> None:
    picture, fill = slope(), np.full((48, 48, 3), 9, np.uint8)
    assert np.array_equal(telea_poisson_paste(picture, fill, np.zeros((48, 48), bool)), picture)
    assert np.array_equal(telea_poisson_paste(picture, fill, np.ones((48, 48), bool)), fill)


def test_nothing_is_shifted_by_a_pixel() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 255, (48, 48, 3)).astype(np.uint8)
    hole = box(15, 32, 14, 33)
    # A fill that is right stays where it is, and moves when everything moves.
    finished = telea_poisson_paste(picture, picture, hole)
    inner = box(16, 31, 15, 32)
    right = np.abs(finished.astype(int) - picture)[inner].mean()
    shifted = np.abs(np.roll(finished, 1, axis=1).astype(int) - picture)[inner].mean()
    assert right < 0.6 * shifted
    moved = [np.roll(one, (1, 1), axis=(0, 1)) for one in (picture, picture, hole)]
    again = np.roll(telea_poisson_paste(*moved), (-1, -1), axis=(0, 1))
    assert np.abs(again.astype(int) - finished)[hole].max() <= 2


class Brighter(nn.Module):
    """Paints the picture that is a slope, too bright."""

    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> CompletionOutput:
        painted = torch.from_numpy(slope(*image.shape[2:])).permute(2, 0, 1)[None] / 127.5 - 0.7
        painted = painted.expand_as(image).to(image)
        return CompletionOutput(None, painted, torch.where(hole > 0.5, painted, image))


def test_an_inpainter_finishes_as_it_is_told() -> None:
    picture, hole = slope(), box(12, 36, 12, 36)
    errors = {}
    for finish in ("none", "telea-poisson"):
        inpainter = NetworkInpainter(
            Brighter(), device="cpu", image_size=48, precision="float32", finish=finish
        )
        filled = inpainter.complete([picture], [hole])[0]
        assert np.array_equal(filled[~hole], picture[~hole])
        errors[finish] = np.abs(filled.astype(int) - picture)[hole].mean()
    assert errors["none"] > 30
    assert errors["telea-poisson"] < 4


def test_an_unknown_finish_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'telea-poisson'"):
        find_finish("telea-poison")
    with pytest.raises(ConfigurationError, match="finish"):
        NetworkInpainter("glcic", finish="seamless")
