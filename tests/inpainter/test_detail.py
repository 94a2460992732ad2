from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from inpainter.metrics import SIGMAS, detail_kept, grid_energy
from weights.errors import InputError

HOLE = np.zeros((192, 192), bool)
HOLE[32:160, 32:160] = True


def grey(plane):
    return np.repeat(np.rint(np.clip(plane, 0, 255)).astype(np.uint8)[..., None], 3, axis=2)


def noise(seed, sigma=10.0, size=HOLE.shape):
    return 128 + np.random.default_rng(seed).normal(0, sigma, size)


class TestDetail:
    def test_the_same_picture_keeps_all_and_more_contrast_is_more(self):
        plane = noise(0)
        assert detail_kept(grey(plane), grey(plane), HOLE) == dict.fromkeys(SIGMAS, 1.0)
        twice = detail_kept(grey(2 * plane - 128), grey(plane), HOLE)
        assert twice[1] == pytest.approx(2.0, rel=0.01)

    @pytest.mark.parametrize(("length", "sigma"), [(16, 2.0), (24, 3.0), (12, 1.0)])
    def test_a_wave_through_a_gaussian_has_a_closed_form(self, length, sigma):
        wave = 128 + 100 * np.sin(2 * np.pi * np.arange(192) / length) * np.ones((192, 1))
        kept = math.exp(-2 * (math.pi * sigma / length) ** 2)
        for ratio in detail_kept(
            grey(cv2.GaussianBlur(wave, (0, 0), sigma)), grey(wave), HOLE
        ).values():
            assert ratio == pytest.approx(kept, rel=0.02)

    def test_a_blur_takes_the_finest_octave_most(self):
        blurred = cv2.GaussianBlur(noise(0, 40.0), (0, 0), 1.5)
        ratios = list(detail_kept(grey(blurred), grey(noise(0, 40.0)), HOLE).values())
        assert ratios == sorted(ratios) and ratios[0] < 0.1 and ratios[-1] > 0.8

    def test_a_step_at_the_rim_is_no_detail(self):
        truth = noise(0, 20.0)
        shifted = np.where(HOLE, truth + 40, truth)
        for ratio in detail_kept(grey(shifted), grey(truth), HOLE).values():
            assert ratio == pytest.approx(1.0, abs=0.1)

    def test_where_there_is_nothing_to_keep_there_is_no_ratio(self):
        flat = np.full((192, 192), 128.0)
        assert all(map(math.isnan, detail_kept(grey(noise(0)), grey(flat), HOLE).values()))
        speck = flat.copy()
        speck[96, 96] += 1
        assert math.isnan(detail_kept(grey(noise(0)), grey(speck), HOLE)[1]), "rounding"
        small = np.zeros_like(HOLE)
        small[90:100, 90:100] = True
        ratios = detail_kept(grey(noise(0)), grey(noise(1)), small)
        assert ratios[1] > 0 and math.isnan(ratios[4]) and math.isnan(ratios[8])
        with pytest.raises(InputError, match="one size"):
            detail_kept(grey(noise(0)), grey(noise(0, size=(9, 9))), HOLE)


class TestGrid:
    def lines(self, seed, period, strength):
        plane = noise(seed, 4.0)
        plane[seed % period :: period] += strength
        plane[:, (3 * seed + 1) % period :: period] += strength
        return grid_energy(grey(plane), HOLE)

    def test_without_a_grid_it_is_1_in_the_mean(self):
        values = [grid_energy(grey(noise(seed, 4.0)), HOLE) for seed in range(60)]
        assert np.mean(values) == pytest.approx(1.0, abs=0.08)

    @pytest.mark.parametrize("period", [8, 16])
    def test_a_drawn_grid_stands_out_at_any_phase(self, period):
        values = [self.lines(seed, period, 12.0) for seed in range(16)]
        assert min(values) > 1.4
        faint = np.mean([self.lines(seed, period, 6.0) for seed in range(16)])
        assert 1.1 < faint < np.mean(values) <= 2.0

    def test_lines_of_other_periods_are_no_grid(self):
        assert np.mean([self.lines(seed, 11, 12.0) for seed in range(16)]) < 1.15

    def test_what_is_too_small_or_flat_has_no_figure(self):
        small = np.zeros_like(HOLE)
        small[10:40, 10:80] = True
        assert math.isnan(grid_energy(grey(noise(0)), small))
        assert math.isnan(grid_energy(grey(np.full((192, 192), 9.0)), HOLE))
        with pytest.raises(InputError, match="hole"):
            grid_energy(grey(noise(0)), HOLE[:50])
