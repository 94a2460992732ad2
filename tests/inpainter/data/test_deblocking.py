"""JPEG's block grid goes, what belongs to the picture stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from inpainter.data.deblocking import smooth_block_borders
from inpainter.data.face import Face, read_picture
from inpainter.data.faces import DecodedFaces
from inpainter.training.pictures import decode_split, open_training_pictures
from inpainter.training.recipe import DataSettings

if TYPE_CHECKING:
    from pathlib import Path

    from weights.base.contracts import Image


def _as_jpeg(image: Image, quality: int) -> Image:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def _grid(image: Image) -> float:
    """How much rougher a picture is where blocks meet than inside them; 1 = no grid."""
    grey = image.astype(np.float64).mean(axis=2)
    rough = np.abs(2 * grey[:, 1:-1] - grey[:, :-2] - grey[:, 2:]).clip(0, 12).mean(axis=0)
    columns = np.arange(1, grey.shape[1] - 1) % 8
    at_borders = (columns == 0) | (columns == 7)
    return float(rough[at_borders].mean() / rough[~at_borders].mean())


@pytest.mark.parametrize("quality", [30, 50, 75])
def test_a_jpeg_comes_nearer_to_the_picture_it_was_made_of(quality: int) -> None:
    true = astronaut()
    jpeg = _as_jpeg(true, quality)
    smooth = smooth_block_borders(jpeg)
    assert smooth.dtype == np.uint8 and smooth.shape == jpeg.shape
    errors = [np.square(one.astype(float) - true).mean() for one in (jpeg, smooth)]
    assert errors[1] < errors[0]
    for turned in (lambda one: one, lambda one: one.transpose(1, 0, 2)):
        assert abs(_grid(turned(smooth)) - 1.0) < 0.7 * (_grid(turned(jpeg)) - 1.0)


def test_slopes_and_edges_stay() -> None:
    slope = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None] * 3, (64, 64, 3))
    np.testing.assert_array_equal(smooth_block_borders(slope), slope)
    edge = np.zeros((32, 32, 3), np.uint8)
    edge[:, 16:] = 40
    np.testing.assert_array_equal(smooth_block_borders(edge), edge)


@pytest.mark.parametrize("side", [1, 7, 9, 10, 16])
def test_small_pictures_pass(side: int) -> None:
    picture = np.full((side, side + 3, 3), 90, np.uint8)
    np.testing.assert_array_equal(smooth_block_borders(picture), picture)


def test_only_jpegs_that_are_learned_from_are_smoothed(tmp_path: Path) -> None:
    blocks = _as_jpeg(astronaut()[:64, 160:224], 30)
    paths = {name: tmp_path / f"face.{name}" for name in ("png", "jpg")}
    for path in paths.values():
        assert cv2.imwrite(str(path), blocks)
    faces = [Face(path, None, "train") for path in paths.values()]
    as_they_are = list(DecodedFaces(faces).images())
    png, jpg = DecodedFaces(faces, deblocked=True).images()
    np.testing.assert_array_equal(png, as_they_are[0])
    np.testing.assert_array_equal(jpg, smooth_block_borders(as_they_are[1]))
    assert not np.array_equal(jpg, as_they_are[1])


def test_what_is_learned_from_is_smoothed_and_validation_sees_pictures_as_they_are(
    tmp_path: Path,
) -> None:
    blocks = _as_jpeg(astronaut()[:64, 160:224], 30)
    assert cv2.imwrite(str(tmp_path / "face.jpg"), blocks)
    line = json.dumps({"file": "face.jpg", "split": "train", "landmarks": None})
    (tmp_path / "faces.jsonl").write_text(line + "\n", encoding="utf-8")
    # Learned from and validated on alike: what a picture is read for decides, not its part's name.
    data = DataSettings(faces=str(tmp_path), deblocked=True)
    stored = read_picture(tmp_path / "face.jpg")
    with open_training_pictures(data) as learned:
        assert isinstance(learned, DecodedFaces)
        np.testing.assert_array_equal(next(learned.images()), smooth_block_borders(stored))
    (validated,) = decode_split(data, "train").images()
    np.testing.assert_array_equal(validated, stored)
