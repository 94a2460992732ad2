from __future__ import annotations

import json

import PIL.Image
import pytest

from examples.maintenance import compare_models
from tests.faces import write_faces
from weights.base.errors import ConfigurationError


def test_systems_are_trained_and_set_side_by_side(tmp_path, capsys):
    faces = write_faces(tmp_path / "faces", count=8, side=160)
    arguments = ["--faces", str(faces), "--output", str(tmp_path / "zoo"), "--minutes", "0.02"]
    arguments += ["--size", "64", "--batch", "2", "--count", "2", "--shown", "2"]
    arguments += ["--models", "residual-cnn,unet,semantic", "--device", "cpu"]
    arguments += ["--face-batch", "2", "--search-steps", "2"]
    compare_models.main(arguments)
    text = (tmp_path / "zoo" / "comparison.md").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    overall, bands = text.split("By the hole's share")
    rows = {line.split(" | ")[0][2:]: line for line in overall.splitlines() if line[:2] == "| "}
    assert list(rows) == ["system", "telea", "residual-cnn", "unet", "semantic"]
    assert "| 28,643 |" in rows["residual-cnn"] and "| 3,835,907 |" in rows["unet"]
    assert "Detail kept" in rows["system"] and "all holes (2)" in bands
    figures = json.loads((tmp_path / "zoo" / "comparison.json").read_text(encoding="utf-8"))
    assert figures["steps"]["unet"] >= 1
    sheet = PIL.Image.open(tmp_path / "zoo" / "faces.jpg")
    assert sheet.width > 6 * 64 and sheet.height > 2 * 64
    # A row for the masked astronaut, one for each of four systems, and one for the true picture.
    sheet = PIL.Image.open(tmp_path / "zoo" / "comparison.jpg")
    assert sheet.width > 4 * 64 and sheet.height > 6 * 64
    # Nothing is trained or measured twice.
    kept = [tmp_path / "zoo" / "runs" / "unet" / name for name in ("last.ckpt", "measured.json")]
    before = [file.stat().st_mtime_ns for file in kept]
    compare_models.main(arguments)
    assert [file.stat().st_mtime_ns for file in kept] == before
    again = json.loads((tmp_path / "zoo" / "comparison.json").read_text(encoding="utf-8"))
    assert again["overall"] == figures["overall"]


def test_unknown_systems_name_the_nearest(tmp_path):
    with pytest.raises(ConfigurationError, match="Did you mean 'unet'"):
        compare_models.main(["--faces", str(tmp_path), "--models", "unett"])
    recipes = set(compare_models.system_recipes())
    assert {"semantic", "glcic", "gated-dmfb.model1"} < recipes
    assert "gated-detail" not in recipes
