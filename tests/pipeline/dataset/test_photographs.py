"""Real photographs in a detection set: straps go, scenes vary, measuring pictures stay out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from pipeline.dataset.labels import polygon_area
from pipeline.dataset.perceptual_hash import is_near_duplicate, perceptual_hash
from pipeline.dataset.photographs import add_photographs, without_straps
from tests.pipeline.dataset.written_labels import read_outlines
from weights.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def photograph(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (120, 120), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    lines = []
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"photo{index}.png"), photograph(index)[..., ::-1])
        strap = [[90, 60], [119, 60], [119, 62], [90, 62]]
        outline = [[30, 50], [90, 50], *strap, [90, 100], [30, 100]]
        lines.append({"file": f"photo{index}.png", "polygons": [{"points": outline}]})
    lines.append(
        {"file": "boxes.png", "face_boxes": [{"label": "with_mask", "xyxy": [0, 0, 9, 9]}]}
    )
    (tmp_path / "broken.png").write_bytes(b"none")
    lines.append({"file": "broken.png", "polygons": [{"points": outline}]})
    file = tmp_path / "pool.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    for kind in ("images", "labels"):
        (tmp_path / "detection" / kind / "train").mkdir(parents=True)
    return file


def test_photographs_become_labelled_scenes(pool: Path) -> None:
    detection = pool.parent / "detection"
    summary = add_photographs(pool, detection, variants=3, size=200, seed=4)
    assert summary.written == 9
    assert summary.unreadable == ("broken",)
    for index in range(3):
        for variant in range(3):
            stem = f"photograph-photo{index}-{variant}"
            file = detection / "images" / "train" / f"{stem}.jpg"
            height, width = cv2.imread(str(file)).shape[:2]
            (outline,) = read_outlines(file, width, height)
            # The mask is 60 by 50 of 120 by 120; a strap would widen it by half.
            extent = outline.max(axis=0) - outline.min(axis=0)
            assert extent[0] / extent[1] == pytest.approx(60 / 50, rel=0.12)
            assert polygon_area(outline) > 0.8 * extent[0] * extent[1]
            if variant == 0:
                assert (height, width) == (120, 120)
            else:
                assert (height, width) == (200, 200)


def test_adding_again_changes_nothing(pool: Path) -> None:
    detection = pool.parent / "detection"
    add_photographs(pool, detection, variants=2, size=100)
    before = {path: path.read_bytes() for path in detection.rglob("*.*")}
    add_photographs(pool, detection, variants=2, size=100)
    assert {path: path.read_bytes() for path in detection.rglob("*.*")} == before


def test_what_resembles_a_measuring_picture_is_left_out(pool: Path) -> None:
    measured = pool.parent / "measured.jpg"
    larger = cv2.resize(photograph(1), (300, 290))
    cv2.imwrite(str(measured), larger[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])
    detection = pool.parent / "detection"
    summary = add_photographs(pool, detection, variants=1, size=100, measuring=[measured])
    assert summary.near_duplicates == ("photo1",)
    assert summary.written == 2


def test_hashes_tell_pictures_apart() -> None:
    hashes = [perceptual_hash(photograph(seed)) for seed in range(6)]
    alike = [
        (one, other)
        for one in range(6)
        for other in range(one + 1, 6)
        if is_near_duplicate(hashes[one], hashes[other])
    ]
    assert alike == []
    darker = (photograph(0) * 0.7).astype(np.uint8)
    assert is_near_duplicate(hashes[0], perceptual_hash(darker))


def test_a_mask_at_the_frame_keeps_its_cut_edge() -> None:
    mask = np.zeros((60, 60), bool)
    mask[30:, 10:50] = True
    mask[32:34, 50:] = True
    kept = without_straps(mask, 40.0)
    assert kept[59, 30] and not kept[32:34, 54:].any()


def test_a_folder_without_scenes_is_refused(pool: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a detection data set"):
        add_photographs(pool, tmp_path / "nowhere")
