"""Detectors as ONNX."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from detector import export
from detector.export import export_detector
from detector.find.architecture import DetectorConfiguration, build_network
from detector.find.weight_file import save_detector
from pipeline.commands.export import app
from weights.base import onnx_export
from weights.base.errors import InputError, MissingDependencyError, OutputError, WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnxscript", reason="onnxscript, which torch.onnx needs, is not installed")


def weight_file(folder: Path, *, one_to_one: bool) -> Path:
    torch.manual_seed(0)
    configuration = DetectorConfiguration("yolo26n-seg", 64, ("mask",), one_to_one)
    path = folder / "detector.safetensors"
    return save_detector(build_network(configuration), configuration, path)


@pytest.mark.parametrize("one_to_one", [False, True])
def test_the_file_takes_any_batch_and_says_what_it_is(one_to_one: bool, tmp_path: Path) -> None:
    weights = weight_file(tmp_path, one_to_one=one_to_one)
    arguments = ["detector", "--weights", str(weights), "-o", str(tmp_path / "d.onnx")]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "candidates: differs by" in result.output
    session = onnxruntime.InferenceSession(tmp_path / "d.onnx", providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["names"]) == {"0": "mask"}
    assert metadata["image_size"] == "64"
    assert metadata["license"].startswith("AGPL-3.0-or-later")
    pixels = np.random.default_rng(1).random((5, 3, 64, 64), dtype=np.float32)
    together: list[NDArray[np.float32]] = session.run(None, {"image": pixels})
    assert together[0].shape == ((5, 84, 38) if one_to_one else (5, 37, 84))
    assert together[1].shape == (5, 32, 16, 16)
    alone = session.run(None, {"image": pixels[4:]})
    assert np.allclose(together[1][4:], alone[1], atol=1e-4)
    with pytest.raises(OutputError, match="exists already"):
        export_detector(weights, tmp_path / "d.onnx")


def test_a_network_that_differs_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = weight_file(tmp_path, one_to_one=False)
    found = {"candidates": 0.5, "prototypes": 0.0}
    monkeypatch.setattr(export, "_differences", lambda *_: found)
    with pytest.raises(WeightsError, match=r"candidates by 0\.5"):
        export_detector(weights, tmp_path / "d.onnx")
    assert [path.name for path in tmp_path.iterdir()] == [weights.name]


def test_wrong_calls_are_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = weight_file(tmp_path, one_to_one=False)
    with pytest.raises(InputError, match=r"\.onnx"):
        export_detector(weights, tmp_path / "d.pt")
    with pytest.raises(InputError, match="multiple of 32"):
        export_detector(weights, tmp_path / "d.onnx", image_size=100)
    with pytest.raises(WeightsError, match="There is no weight file"):
        export_detector(tmp_path / "none.safetensors", tmp_path / "d.onnx")
    monkeypatch.setattr(onnx_export, "LIBRARIES", ("onnx", "no_such_library"))
    with pytest.raises(MissingDependencyError, match=r"no_such_library.*unmask\[export\]"):
        export_detector(weights, tmp_path / "d.onnx")


def test_rows_that_changed_places_are_found_again() -> None:
    rows = np.random.default_rng(0).random((2, 6, 38), dtype=np.float32)
    assert (export._in_order_of(rows[:, ::-1], rows) == rows).all()
