from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
import torch

from inpainter.metrics import HoleFeatures, detectability, realism_distance
from inpainter.metrics.realism import (
    SetFigure,
    can_measure_realism,
    detectability_figure,
    distance_figure,
    floor_figure,
)
from weights.base.errors import InputError, MissingDependencyError


def normal(seed, count, width=8):
    return np.random.default_rng(seed).normal(3.0, 2.0, (count, width))


class TestDistance:
    @pytest.mark.parametrize("shift", [0.0, 0.5, -1.0, 2.0])
    def test_closed_form_of_two_faces_on_one_feature(self, shift):
        # Standardised the true ones are -1 and 1, and the filled ones shifted by half of 2 * shift.
        # (x y + 1)^3 is shift^6 between the filled, 0 between the true, and +-shift^3 across.
        true = np.array([[5.0], [9.0]])
        assert realism_distance(true + 2 * shift, true) == pytest.approx(shift**6)

    def test_equal_sets_are_at_no_distance_and_independent_ones_near_none(self):
        assert realism_distance(normal(0, 40), normal(0, 40)) == pytest.approx(0.0, abs=1e-12)
        distances = [realism_distance(normal(2 * n, 60), normal(2 * n + 1, 60)) for n in range(40)]
        error = np.std(distances) / math.sqrt(40)
        assert abs(np.mean(distances)) < 3 * error < 0.05, "without bias, also below 0"

    def test_a_face_is_not_compared_with_itself(self):
        # A filled face is like its own truth, whoever fills: that is no likeness of the sets.
        true = normal(0, 30, 200)
        close = true + 0.1 * (normal(1, 30, 200) - 3)
        assert realism_distance(close, true) == pytest.approx(0.0, abs=0.02)
        assert realism_distance(close[::-1], true) < -0.1, "pairs out of order count as likeness"

    def test_blur_moves_a_set_away(self):
        true = normal(0, 60)
        mild, strong = (realism_distance(3 + (true - 3) * by, true) for by in (0.8, 0.3))
        assert 0.0 < mild < strong

    def test_rows_of_one_face_are_not_compared_either(self):
        true, filled = normal(0, 20), normal(1, 20)
        once = distance_figure(filled, true)
        faces = [str(number) for number in range(20)] * 2
        twice = distance_figure(np.tile(filled, (2, 1)), np.tile(true, (2, 1)), faces=faces)
        assert twice.value == pytest.approx(once.value) and (once.count, twice.count) == (20, 40)

    def test_a_part_may_be_standardised_by_all_true_faces(self):
        true = np.array([[-1.0], [1.0], [-1.0], [1.0]])
        figure = distance_figure(true + 0.5, true, scale=2 * true)
        assert figure.value == pytest.approx(_by_hand(true / 2 + 0.25, true / 2))

    def test_random_halves_estimate_the_scatter_of_the_whole(self):
        figures = [
            distance_figure(normal(2 * n, 60) * 1.3, normal(2 * n + 1, 60), seed=n)
            for n in range(40)
        ]
        scatter = np.std([figure.value for figure in figures])
        assert np.mean([figure.halves.std() for figure in figures]) == pytest.approx(
            scatter, rel=0.3
        )

    def test_halves_of_the_truth_are_at_no_distance_in_the_mean(self):
        floor = floor_figure(normal(0, 60))
        assert abs(floor.value) < 0.05 < floor.estimate.high - floor.estimate.low
        assert floor.estimate.low < 0.0 < floor.estimate.high and floor.count == 60

    def test_what_does_not_fit_gets_one_sentence(self):
        with pytest.raises(
            InputError, match=r"\(N, D\), N at least 2, but got \(3, 8\) and \(4, 8\)"
        ):
            realism_distance(normal(0, 3), normal(0, 4))
        with pytest.raises(InputError, match="need 4 faces, but got 3"):
            distance_figure(normal(0, 3), normal(1, 3))
        with pytest.raises(InputError, match="5 rows of features, but 1 names"):
            floor_figure(normal(0, 5), faces=["a"])


def _by_hand(filled, true):
    def mean(first, second):
        kernel = (first * second.T + 1.0) ** 3
        return kernel[~np.eye(len(kernel), dtype=bool)].mean()

    return mean(filled, filled) + mean(true, true) - 2 * mean(filled, true)


@pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="needs scikit-learn")
class TestDetectability:
    def test_shifted_normal_sets_have_the_areas_closed_form(self):
        true, filled = normal(0, 2000, 1), normal(1, 2000, 1) + 2.0
        # Two normal sets one standard deviation apart: Phi(1 / sqrt(2)).
        expected = 0.5 * (1.0 + math.erf(0.5))
        assert detectability(filled, true) == pytest.approx(expected, abs=0.02)

    def test_sets_far_apart_are_told_and_equal_ones_are_not(self):
        assert detectability(normal(0, 40) + 9.0, normal(1, 40)) == 1.0
        assert detectability(normal(0, 40), normal(0, 40)) == pytest.approx(0.5)

    def test_pairs_are_kept_in_one_fold(self):
        # Fills that are as good as their truths. A classifier that saw the one of a pair and is
        # asked about the other would take it for the same, and be wrong: far under 0.5.
        true = normal(0, 60, 200)
        assert detectability(true + 1e-3 * normal(1, 60, 200), true) == pytest.approx(0.5, abs=0.02)

    def test_all_rows_of_a_face_are_kept_in_one_fold(self):
        true = np.tile(normal(0, 60, 200), (2, 1))
        filled = true + np.repeat(normal(1, 2, 200), 60, axis=0) * 1e-3
        faces = [str(number) for number in range(60)] * 2
        assert detectability(filled, true, faces=faces) == pytest.approx(0.5, abs=0.02)
        with pytest.raises(InputError, match="need 10 faces, but got 9"):
            detectability(filled[:18], true[:18], faces=faces[:9] * 2)

    def test_the_interval_is_from_halves_of_the_held_out_scores(self):
        true, filled = normal(0, 200, 1), normal(1, 200, 1) + 2.0
        estimate = detectability_figure(filled, true).estimate
        # Hanley and McNeil 1982: the area's standard error for equal numbers.
        area = estimate.mean
        one, two = area / (2 - area), 2 * area**2 / (1 + area)
        variance = area * (1 - area) + 199 * (one - area**2) + 199 * (two - area**2)
        expected = 1.96 * math.sqrt(variance) / 200
        assert (estimate.high - estimate.low) / 2 == pytest.approx(expected, rel=0.2)


def test_figures_of_two_systems_are_compared_on_the_same_halves():
    one = SetFigure(1.0, np.array([0.5, 1.5]), 30)
    estimate = one.estimate
    assert (estimate.low, estimate.high) == pytest.approx((1 - 0.98, 1 + 0.98))
    less = one.less(SetFigure(0.25, np.array([0.25, 1.25]), 30)).estimate
    assert (less.mean, less.low, less.high, less.count) == (0.75, 0.75, 0.75, 30)


class TestHoleFeatures:
    @pytest.fixture
    def blue(self, monkeypatch):
        """A network of one map a quarter the size: the blue channel, averaged."""

        class Blue(torch.nn.Module):
            def __init__(self, variant):
                super().__init__()
                assert variant == 2, "who is taught by Lite0 must not be measured by it"

            def forward(self, picture):
                return [torch.nn.functional.avg_pool2d(picture[:, 2:], 4)]

        monkeypatch.setattr("inpainter.features.imagenet.ImageNetFeatures", Blue)
        monkeypatch.setitem(importlib.sys.modules, "sklearn", object())
        monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
        return HoleFeatures("cpu")

    def test_mean_and_deviation_inside_the_hole(self, blue):
        picture = np.zeros((8, 8, 3), np.uint8)
        picture[:4, :4, 2], picture[:4, 4:, 2], picture[4:, :, 2] = 255, 0, 77
        hole = np.zeros((8, 8), bool)
        hole[:4, :4] = True
        hole[2:4, 4:] = True
        # 1 in a whole cell, -1 in one that the hole covers by half: two thirds and one third.
        mean = 1 * 2 / 3 - 1 * 1 / 3
        deviation = math.sqrt((1 - mean) ** 2 * 2 / 3 + (-1 - mean) ** 2 / 3)
        rows = blue([picture, picture], [hole, ~hole])
        assert rows.shape == (2, 2) and rows.dtype == np.float32
        assert rows[0] == pytest.approx([mean, deviation], abs=1e-6)

    def test_what_lies_outside_does_not_count(self, blue):
        picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
        hole = np.zeros((8, 8), bool)
        hole[:4] = True
        other = picture.copy()
        other[4:] = 0
        rows = blue([picture, other], [hole, hole])
        np.testing.assert_array_equal(rows[0], rows[1])
        with pytest.raises(InputError, match="not empty"):
            blue([picture], [np.zeros((8, 8), bool)])

    def test_without_scikit_learn_the_error_comes_before_the_work(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert not can_measure_realism()
        with pytest.raises(MissingDependencyError, match=r"scikit-learn.*unmask\[evaluate\]"):
            HoleFeatures("cpu")

    @pytest.mark.skipif(not can_measure_realism(), reason="needs the extra 'evaluate'")
    def test_the_real_network_gives_1088_figures_that_tell_a_blur(self):
        random = np.random.default_rng(0)
        sharp = random.integers(0, 256, (64, 64, 3), np.uint8)
        flat = np.full_like(sharp, 128)
        hole = np.zeros((64, 64), bool)
        hole[16:48, 16:48] = True
        rows = HoleFeatures("cpu")([sharp, flat, sharp], [hole] * 3)
        assert rows.shape == (3, 1088) and np.isfinite(rows).all()
        np.testing.assert_allclose(rows[0], rows[2], atol=1e-4)
        assert np.abs(rows[0] - rows[1]).mean() > 0.1
