from __future__ import annotations

import importlib.util
import math
import sys

import cv2
import numpy as np
import pytest

from inpainter.metrics import (
    MOUTH_AND_JAW,
    DlibLandmarks,
    colour_distance,
    colour_shift,
    l1,
    landmark_error,
    laplacian_energy,
    mean_over,
    psnr,
    seam_ring,
    sharpness_ratio,
    ssim,
    ssim_map,
)
from weights.errors import InputError, MissingDependencyError


def noise(seed=0, size=(32, 40)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def flat(value, size=(32, 40)):
    return np.full((*size, 3), value, np.uint8)


def left_half(size=(32, 40)):
    region = np.zeros(size, bool)
    region[:, : size[1] // 2] = True
    return region


class TestPixel:
    def test_closed_forms(self):
        assert l1(flat(0), flat(255)) == 1.0
        assert l1(flat(100), flat(151)) == pytest.approx(0.2)
        assert psnr(flat(0), flat(255)) == pytest.approx(0.0)
        assert psnr(flat(100), flat(110)) == pytest.approx(20 * math.log10(25.5))
        assert psnr(noise(), noise()) == math.inf

    def test_equals_the_library(self):
        from skimage.metrics import peak_signal_noise_ratio

        assert psnr(noise(0), noise(1)) == pytest.approx(
            peak_signal_noise_ratio(noise(1), noise(0), data_range=255)
        )

    def test_only_the_region_counts(self):
        result = flat(0)
        result[left_half()] = 255
        assert l1(result, flat(0), left_half()) == 1.0
        assert l1(result, flat(0), ~left_half()) == 0.0
        assert l1(result, flat(0)) == pytest.approx(0.5)

    def test_an_empty_region_has_no_value(self):
        none = np.zeros((32, 40), bool)
        assert math.isnan(l1(flat(0), flat(1), none)) and math.isnan(psnr(flat(0), flat(1), none))

    def test_sizes_must_fit(self):
        with pytest.raises(InputError, match="one size"):
            l1(flat(0), flat(0, (8, 8)))
        with pytest.raises(InputError, match="region"):
            psnr(flat(0), flat(0), np.zeros((8, 8), bool))


class TestSimilarity:
    def test_equal_pictures(self):
        assert ssim(noise(), noise()) == pytest.approx(1.0)

    def test_flat_pictures_have_the_closed_form(self):
        a, b, c1 = 100.0, 150.0, (0.01 * 255) ** 2
        expected = (2 * a * b + c1) / (a**2 + b**2 + c1)
        assert ssim(flat(100), flat(150)) == pytest.approx(expected)

    def test_agrees_with_an_independent_library(self):
        torchmetrics = pytest.importorskip("torchmetrics.functional.image")
        import torch

        first, second = noise(0, (48, 48)), noise(1, (48, 48))
        smooth = [cv2.GaussianBlur(one, (0, 0), 2) for one in (first, second)]
        one, two = (torch.from_numpy(p).permute(2, 0, 1)[None].double() for p in smooth)
        _, full = torchmetrics.structural_similarity_index_measure(
            one, two, data_range=255.0, sigma=1.5, return_full_image=True
        )
        mine = ssim_map(*smooth)
        inner = slice(8, -8)
        np.testing.assert_allclose(
            mine[inner, inner], full[0].mean(dim=0)[inner, inner].numpy(), atol=1e-3
        )

    def test_inside_the_hole_is_the_map_over_the_hole(self):
        truth = noise(0, (64, 64))
        result = truth.copy()
        hole = np.zeros((64, 64), bool)
        hole[20:40, 20:40] = True
        result[hole] = 128
        full = ssim_map(result, truth)
        assert ssim(result, truth, hole) == pytest.approx(full[hole].mean())
        assert ssim(result, truth, hole) < 0.2 < ssim(result, truth)
        assert mean_over(full, np.zeros_like(hole)) != mean_over(full, np.zeros_like(hole))

    def test_the_seam_is_a_ring_on_both_sides_of_the_edge(self):
        hole = np.zeros((40, 40), bool)
        hole[10:30, 10:30] = True
        ring = seam_ring(hole, 3)
        assert np.flatnonzero(ring[20]).tolist() == [*range(7, 13), *range(27, 33)]
        assert not seam_ring(np.ones((20, 20), bool)).any()

    def test_small_pictures_are_refused(self):
        with pytest.raises(InputError, match="at least 11"):
            ssim(flat(0, (10, 20)), flat(0, (10, 20)))


class TestSharpness:
    def test_a_checkerboard_has_the_closed_form(self):
        board = np.indices((16, 16)).sum(axis=0) % 2 * 10
        image = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
        assert laplacian_energy(image, np.ones((16, 16), bool)) == pytest.approx(40.0**2)

    def test_contrast_enters_squared(self):
        board = np.indices((16, 16)).sum(axis=0) % 2
        weak, strong = (np.repeat((board * k)[..., None], 3, 2).astype(np.uint8) for k in (10, 20))
        assert sharpness_ratio(weak, strong, np.ones((16, 16), bool)) == pytest.approx(0.25)

    def test_a_blur_is_under_one(self):
        truth = noise()
        hole = left_half()
        blurred = truth.copy()
        blurred[hole] = cv2.GaussianBlur(truth, (0, 0), 1.0)[hole]
        assert sharpness_ratio(blurred, truth, hole) < 0.1
        assert sharpness_ratio(truth, truth, hole) == 1.0

    def test_a_seam_is_no_detail(self):
        result = flat(0)
        result[left_half()] = 255
        assert laplacian_energy(result, left_half()) == 0.0

    def test_limits(self):
        whole = np.ones((32, 40), bool)
        assert sharpness_ratio(flat(3), flat(9), whole) == 1.0
        assert sharpness_ratio(noise(), flat(9), whole) == math.inf
        assert math.isnan(sharpness_ratio(noise(), noise(), ~whole))


class TestColour:
    def test_from_black_to_white_is_a_hundred(self):
        assert colour_shift(flat(255), flat(0), left_half()) == pytest.approx((100, 0, 0), abs=0.01)
        assert colour_distance(flat(0), flat(255), left_half()) == pytest.approx(100, abs=0.01)

    def test_too_red_has_a_sign(self):
        red = flat(120)
        red[..., 0] += 30
        assert colour_shift(red, flat(120), left_half())[1] > 5

    def test_texture_alone_is_no_shift(self):
        shuffled = noise().reshape(-1, 3)
        np.random.default_rng(1).shuffle(shuffled)
        whole = np.ones((32, 40), bool)
        assert colour_distance(shuffled.reshape(32, 40, 3), noise(), whole) == pytest.approx(
            0, abs=1e-9
        )

    def test_an_empty_hole_has_no_value(self):
        assert math.isnan(colour_distance(flat(0), flat(0), np.zeros((32, 40), bool)))


class TestLandmarks:
    truth = np.random.default_rng(0).uniform(0, 100, (68, 2))

    def test_a_shift_over_the_eye_distance(self):
        eyes = float(np.linalg.norm(self.truth[45] - self.truth[36]))
        assert landmark_error(self.truth + np.array([3, 4]), self.truth) == pytest.approx(5 / eyes)
        assert landmark_error(self.truth, self.truth) == 0

    def test_only_mouth_and_jaw_count(self):
        moved = self.truth.copy()
        moved[17:48] += 50
        assert landmark_error(moved, self.truth) == 0
        assert len(MOUTH_AND_JAW) == 37

    def test_limits(self):
        assert landmark_error(self.truth, np.zeros((68, 2))) == math.inf
        with pytest.raises(InputError, match="68 landmarks"):
            landmark_error(self.truth[:5], self.truth)

    def test_dlib_finds_the_astronaut_and_nothing_in_noise(self):
        pytest.importorskip("dlib")
        if importlib.util.find_spec("face_recognition_models") is None:
            pytest.skip("the landmark model is not installed")
        from skimage.data import astronaut

        finder = DlibLandmarks()
        points = finder(astronaut())
        assert points.shape == (68, 2)
        eyes, chin = points[36:48].mean(axis=0), points[8]
        assert 150 < eyes[0] < 300 and 60 < eyes[1] < chin[1] < 260
        assert finder(noise(size=(120, 120))) is None

    def test_a_missing_library_names_the_extra(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "dlib", None)
        with pytest.raises(MissingDependencyError, match=r"unmask\[landmarks\]"):
            DlibLandmarks()
