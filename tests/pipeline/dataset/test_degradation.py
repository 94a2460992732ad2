import numpy as np
import pytest

from pipeline.dataset.degradation import degrade, motion_blur, relight, sensor_noise
from weights.images.decoding import compress_jpeg


@pytest.fixture
def photo() -> np.ndarray:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 255, (12, 16, 3)).astype(np.uint8)
    return np.repeat(np.repeat(coarse, 10, axis=0), 10, axis=1)


def test_relight_brightens_and_darkens(photo: np.ndarray) -> None:
    plain = relight(photo, 0.0, 1.0, (1.0, 1.0, 1.0))
    assert np.array_equal(plain, photo)
    assert relight(photo, -1.0, 1.0, (1.0, 1.0, 1.0)).mean() == pytest.approx(
        photo.mean() / 2, rel=0.02
    )
    warm = relight(photo, 0.0, 1.0, (1.0, 0.9, 0.5))
    assert np.array_equal(warm[..., 0], photo[..., 0])
    assert warm[..., 2].mean() == pytest.approx(photo[..., 2].mean() / 2, rel=0.02)


def test_motion_blur_smears_along_one_direction() -> None:
    image = np.zeros((41, 41, 3), np.uint8)
    image[20, 20] = 255
    smeared = motion_blur(image, 11, 0.0)[..., 0]
    assert np.count_nonzero(smeared[20]) == 11
    assert np.count_nonzero(smeared) == 11


def test_noise_and_jpeg_change_pixels_but_no_shape(photo: np.ndarray) -> None:
    noisy = sensor_noise(photo, 8.0, np.random.default_rng(1))
    assert noisy.shape == photo.shape and noisy.dtype == np.uint8
    inner = (photo > 40) & (photo < 215)
    difference = noisy[inner].astype(float) - photo[inner]
    assert 4.0 < difference.std() < 14.0 and abs(difference.mean()) < 1.0
    coded = compress_jpeg(photo, 20)
    assert coded.shape == photo.shape and not np.array_equal(coded, photo)


def test_degrade_is_seeded_keeps_the_size_and_uses_its_whole_repertoire(photo: np.ndarray) -> None:
    seen: set[str] = set()
    for seed in range(150):
        result, applied = degrade(photo, np.random.default_rng(seed))
        assert result.shape == photo.shape and result.dtype == np.uint8
        seen.update(applied)
        if "grey" in applied and "noise" not in applied and "JPEG" not in applied:
            assert (result[..., 0] == result[..., 1]).all()
    again, _ = degrade(photo, np.random.default_rng(149))
    assert np.array_equal(again, result)
    assert seen == {
        "low light",
        "over-exposure",
        "colour cast",
        "grey",
        "motion blur",
        "blur",
        "low resolution",
        "sharpening",
        "noise",
        "JPEG",
    }
