"""Mistakes of published programs that show only where a command or a data set is used whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import PIL.Image
import pytest

from pipeline import command_line, unmask
from pipeline.dataset import DatasetSettings, annotated_faces, build_dataset
from pipeline.dataset.manifest import read_lines
from tests.faces import draw_face

if TYPE_CHECKING:
    from pathlib import Path

STAGES = """
import numpy as np

def detect(image):
    from weights.base.regions import MaskRegion
    mask = (image == (0, 255, 0)).all(axis=2)
    rows, columns = np.nonzero(mask)
    return [MaskRegion(mask, (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))]

def refine(image, regions):
    return [region.mask for region in regions]

def complete(crop, hole):
    return np.where(hole[:, :, None], np.uint8([200, 30, 40]), crop)

def blend(image, fill, hole):
    return np.where(hole[:, :, None], fill, image)
"""


@pytest.fixture
def stages(tmp_path, monkeypatch) -> dict[str, str]:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "plain_stages.py").write_text(STAGES)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    functions = {"refiner": "refine", "inpainter": "complete", "blender": "blend"}
    return {
        stage: f"plain_stages:{name}" for stage, name in {"detector": "detect", **functions}.items()
    }


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("form", ["png", "webp", "tiff"])
def test_command_and_api_give_one_picture(tmp_path, stages, mode, form) -> None:
    """A batch program that forgets rotation and transparency, and writes PNG whatever comes in."""
    pixels = np.random.default_rng(0).integers(1, 200, (60, 80, len(mode)), np.uint8)
    pixels[20:40, 30:55, :3] = (0, 255, 0)
    exif = PIL.Image.Exif()
    exif[274] = 6
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / f"photo.{form}"
    PIL.Image.fromarray(pixels).save(source, exif=exif, lossless=True)
    with pytest.raises(SystemExit) as left:
        options = [word for stage, name in stages.items() for word in (f"--{stage}", name)]
        command_line.main(["run", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *options])
    assert left.value.code == 0
    (written,) = (path for path in (tmp_path / "out").iterdir() if path.stem == "photo")
    with PIL.Image.open(written) as command, PIL.Image.open(source) as original:
        assert (written.suffix, command.format, command.mode) == (
            f".{form}",
            original.format,
            mode,
        )
        by_command = np.asarray(command)
    by_api = np.asarray(unmask(source, **stages))
    np.testing.assert_array_equal(by_command, by_api)
    # Upright: the side that was the width is the height.
    assert by_api.shape[:2] == (80, 60)
    upright = np.rot90(pixels, -1)
    hole = (upright[:, :, :3] == (0, 255, 0)).all(axis=2)
    np.testing.assert_array_equal(by_api[~hole], upright[~hole])
    assert (by_api[hole][:, :3] == (200, 30, 40)).all()


def test_names_with_dots_keep_all_their_files(tmp_path: Path) -> None:
    """A builder that cuts names, or whole paths, at their first dot, and keeps no hole."""
    root = tmp_path / "faces.v1.2"
    root.mkdir()
    random = np.random.default_rng(7)
    lines = []
    for name in ("a.one.png", "a.two.png", "b.x.y.png"):
        image, points = draw_face(random, 160)
        cv2.imwrite(str(root / name), image[:, :, ::-1])
        entry = {"file": name, "landmarks": points.tolist(), "split": "train"}
        lines.append(json.dumps({**entry, "width": 160, "height": 160}))
    (root / "faces.jsonl").write_text("\n".join(lines) + "\n")
    out = tmp_path / "set.v3"
    settings = DatasetSettings(pairs=1, scenes=0, size=64)
    build_dataset(annotated_faces(root), out, settings, workers=1)
    pairs = [line for line in read_lines(out / "manifest.jsonl") if line["kind"] == "pair"]
    assert sorted(line["sources"][0] for line in pairs) == ["a.one.png", "a.two.png", "b.x.y.png"]
    files = [out / path for line in pairs for path in line["files"].values()]
    assert len(set(files)) == len(files)
    assert all(path.is_file() for path in files)
    for line in pairs:
        assert {"image", "masked", "hole"} <= line["files"].keys()
        assert line["sources"][0].removesuffix(".png") in line["files"]["hole"]
        hole = cv2.imread(str(out / line["files"]["hole"]), cv2.IMREAD_UNCHANGED)
        assert 0.05 < (hole > 0).mean() < 0.7
