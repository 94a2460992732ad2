"""The width of an edge is that of its blur."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.refiners.edge_width import edge_width


def _half(deviation: float) -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((80, 80), bool)
    mask[:, :40] = True
    guide = np.where(mask[..., None], (0.2, 0.5, 0.8), (0.7, 0.5, 0.3)).astype(np.float32)
    return cv2.GaussianBlur(guide, (0, 0), deviation) if deviation else guide, mask


@pytest.mark.parametrize("deviation", [1.5, 2.0, 3.0])
def test_of_a_blurred_edge_it_is_two_and_a_half_deviations(deviation: float) -> None:
    width = edge_width(*_half(deviation), 10)
    assert width == pytest.approx(2.5 * deviation, rel=0.12)


def test_of_a_step_it_is_what_a_slope_of_three_pixels_sees() -> None:
    assert edge_width(*_half(0.0), 5) == pytest.approx(2.0)


def test_without_contrast_there_is_none() -> None:
    guide, mask = _half(0.0)
    assert edge_width(np.full_like(guide, 0.4), mask, 5) is None
    assert edge_width(guide, np.zeros_like(mask), 5) is None
