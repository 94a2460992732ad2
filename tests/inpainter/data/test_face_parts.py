"""Where the mouth is, and squares cut by coordinates."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inpainter.data.face_parts import cut_squares, mouth_of_hole, mouth_square, square_in_hole
from inpainter.data.sampling import Sampling


def test_a_mouth_is_framed_by_its_twenty_points() -> None:
    landmarks = np.zeros((68, 2))
    landmarks[48:68] = (50.0, 80.0)
    landmarks[48], landmarks[54] = (30.0, 79.0), (70.0, 81.0)
    assert mouth_square(landmarks) == pytest.approx([50.0, 80.0, 1.7 * 40.0])


def test_the_mouth_behind_a_hole_is_guessed_from_its_extent() -> None:
    hole = torch.zeros(2, 1, 100, 100)
    hole[0, :, 40:90, 20:80] = 1.0
    assert mouth_of_hole(hole)[0].tolist() == pytest.approx([50.0, 70.0, 33.0])
    assert torch.isfinite(mouth_of_hole(hole)).all()


def test_a_cut_of_its_own_size_is_the_slice() -> None:
    pictures = torch.randn(2, 3, 20, 30)
    squares = torch.tensor([[10.0, 8.0, 8.0], [15.0, 10.0, 8.0]])
    cut = cut_squares(pictures, squares, 8)
    assert torch.allclose(cut[0], pictures[0, :, 4:12, 6:14], atol=1e-5)
    assert torch.allclose(cut[1], pictures[1, :, 6:14, 11:19], atol=1e-5)


def test_a_cut_lets_gradients_through() -> None:
    pictures = torch.zeros(1, 1, 10, 10, requires_grad=True)
    cut_squares(pictures, torch.tensor([[5.0, 5.0, 4.0]]), 4).sum().backward()
    assert pictures.grad is not None
    assert torch.allclose(pictures.grad[0, 0, 3:7, 3:7], torch.ones(4, 4), atol=1e-5)
    assert pictures.grad.sum().item() == pytest.approx(16.0, abs=1e-4)


def test_a_sample_says_where_its_mouth_is() -> None:
    image = np.zeros((120, 120, 3), np.uint8)
    landmarks = np.full((68, 2), 60.0)
    landmarks[48:68] += np.stack(
        np.meshgrid(np.linspace(-8, 8, 5), np.linspace(-3, 3, 4)), -1
    ).reshape(20, 2)
    # A red square stands where the mouth is.
    image[56:65, 52:69] = (255, 0, 0)
    hole = np.zeros((120, 120), bool)
    hole[40:90, 30:90] = True
    sampling = Sampling(lambda *_: hole, colour_jitter=0.0, grayscale_probability=0.0)
    for seed in range(5):
        sample = sampling(image, landmarks, 64, np.random.default_rng(seed))
        assert sample is not None and sample.mouth is not None
        rows, columns = np.nonzero(sample.image[..., 0] > 127)
        middle = [columns.mean() + 0.5, rows.mean() + 0.5]
        assert sample.mouth[:2] == pytest.approx(middle, abs=0.75)
    nowhere = sampling(image, None, 64, np.random.default_rng(0))
    assert nowhere is not None and nowhere.mouth is not None and np.isnan(nowhere.mouth).all()


def test_squares_are_drawn_in_the_hole_and_everywhere_in_it() -> None:
    torch.manual_seed(0)
    hole = torch.zeros(400, 1, 20, 30)
    hole[:, :, 4:6, 10:12] = 1.0
    squares = square_in_hole(hole, 7.0)
    found = {tuple(one) for one in squares.tolist()}
    assert found == {(x, y, 7.0) for x in (10.5, 11.5) for y in (4.5, 5.5)}


def test_without_a_hole_a_square_is_drawn_somewhere() -> None:
    x, y, side = square_in_hole(torch.zeros(1, 1, 20, 30), 7.0)[0].tolist()
    assert 0 < x < 30 and 0 < y < 20 and side == 7.0
