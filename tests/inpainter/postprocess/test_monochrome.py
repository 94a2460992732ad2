"""Fills of grey and toned photos have no colours that the photo lacks; others stay as they are."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from inpainter.completion import NetworkInpainter
from inpainter.networks.base import CompletionNetwork
from inpainter.postprocess.monochrome import keep_tone

FACE = np.ascontiguousarray(data.astronaut()[:256, 96:352])
GREY = cv2.cvtColor(FACE, cv2.COLOR_RGB2GRAY)
HOLE = np.zeros((256, 256), bool)
HOLE[110:200, 90:180] = True


def toned(warmth: float) -> np.ndarray:
    """The face as an old print: dark is brown, bright is cream."""
    level = GREY.astype(np.float64) / 255.0
    tint = warmth * level * (1.0 - 0.5 * level)
    return np.stack([GREY + 30 * tint, GREY + 8 * tint, GREY - 40 * tint], 2).clip(0, 255).round()


def chroma(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(int)


@pytest.fixture
def fill() -> np.ndarray:
    """The true face with blotches of colour, as networks leave them."""
    random = np.random.default_rng(0)
    blotches = cv2.resize(
        random.normal(0, 25, (6, 6, 3)), (256, 256), interpolation=cv2.INTER_CUBIC
    )
    return np.clip(np.repeat(GREY[..., None], 3, 2) + blotches, 0, 255).astype(np.uint8)


def test_a_grey_photo_gets_a_grey_fill(fill: np.ndarray) -> None:
    result = keep_tone(fill, np.repeat(GREY[..., None], 3, 2), HOLE)
    assert np.abs(chroma(fill) - 128).max() > 10
    assert np.ptp(result.astype(int), axis=2).max() <= 1
    brightness = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(int) for one in (fill, result)]
    assert np.abs(brightness[0] - brightness[1]).max() <= 2


@pytest.mark.parametrize("quality", [None, 60])
def test_a_sepia_photo_gets_a_sepia_fill(quality: int | None, fill: np.ndarray) -> None:
    photo = toned(1.0).astype(np.uint8)
    if quality is not None:
        stored = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        photo = cv2.imdecode(stored, cv2.IMREAD_COLOR)[..., ::-1].copy()
    result = keep_tone(fill, photo, HOLE)
    # The print's own colour at the fill's brightness.
    level = cv2.cvtColor(fill, cv2.COLOR_RGB2GRAY)
    own = np.array(
        [np.median(chroma(photo)[np.abs(GREY.astype(int) - one) < 4], 0) for one in (80, 200)]
    )
    for one, expected in zip((80, 200), own, strict=True):
        found = chroma(result)[(np.abs(level.astype(int) - one) < 4) & HOLE]
        assert np.abs(np.median(found, 0) - expected).max() <= 3


def test_a_photo_with_colours_keeps_its_fill(fill: np.ndarray) -> None:
    assert keep_tone(fill, FACE, HOLE) is fill


def test_what_lies_in_the_hole_and_a_small_coloured_thing_do_not_matter(fill: np.ndarray) -> None:
    photo = np.repeat(GREY[..., None], 3, 2)
    expected = keep_tone(fill, photo, HOLE)
    photo[HOLE] = FACE[HOLE]
    assert np.array_equal(keep_tone(fill, photo, HOLE), expected)
    photo[:30, :30] = (255, 0, 0)
    assert np.ptp(keep_tone(fill, photo, HOLE).astype(int), axis=2).max() <= 24


def test_next_to_nothing_known_says_nothing(fill: np.ndarray) -> None:
    photo = np.repeat(GREY[..., None], 3, 2)
    hole = np.ones((256, 256), bool)
    assert keep_tone(fill, photo, hole) is fill
    hole[:8, :8] = False
    assert keep_tone(fill, photo, hole) is fill


def test_the_change_from_toned_to_coloured_is_gradual(fill: np.ndarray) -> None:
    def distance(share: float) -> float:
        photo = np.repeat(GREY[..., None], 3, 2) * (1 - share) + share * FACE
        return float(
            np.abs(keep_tone(fill, photo.astype(np.uint8), HOLE).astype(int) - fill).mean()
        )

    distances = [distance(share) for share in np.linspace(0.0, 0.6, 25)]
    assert distances[0] > 1.0 and distances[-1] == 0.0
    assert max(a - b for a, b in itertools.pairwise(distances)) < 0.4 * distances[0]


class Red(CompletionNetwork):
    """Paints everything red."""

    divisor = 1

    def paint(self, image, hole):
        red = torch.tensor([1.0, -1.0, -1.0], dtype=image.dtype)
        return None, red[None, :, None, None].expand_as(image)


def test_the_stage_keeps_the_tone_unless_told_otherwise() -> None:
    photo = np.repeat(GREY[..., None], 3, 2)
    settings = {"image_size": 64, "precision": "float32", "device": "cpu", "grain": False}
    (grey,) = NetworkInpainter(Red(), **settings).complete([photo], [HOLE])
    assert np.ptp(grey.astype(int), axis=2).max() <= 1
    (red,) = NetworkInpainter(Red(), tone=False, **settings).complete([photo], [HOLE])
    assert (red[HOLE] == (255, 0, 0)).all()
    (coloured,) = NetworkInpainter(Red(), **settings).complete([FACE], [HOLE])
    assert (coloured[HOLE] == (255, 0, 0)).all()
