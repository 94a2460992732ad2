"""Recording trained weights: file, record and card."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
import yaml
from safetensors.torch import save_file
from typer.testing import CliRunner

from detector.find.architecture import DetectorConfiguration, build_network
from detector.find.weight_file import save_detector
from inpainter.registry import create_model
from inpainter.weight_files import save_completion_network
from pipeline.commands.weights import app
from pipeline.weight_files.recording import catalog_folder, read_figures, record_weights
from weights.base.errors import ConfigurationError, InputError, OutputError, WeightsError
from weights.catalog import lookup
from weights.catalog.description import NetworkDescription, count_multiply_adds, count_parameters
from weights.catalog.digest import file_sha256
from weights.catalog.register import CatalogPlace
from weights.catalog.store import load_state_dict
from weights.landmarks.file import save_landmarks
from weights.landmarks.network import LandmarkConfiguration, LandmarkNetwork

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = {"width": 4}
SOURCES = {
    "sources": [{"name": "Faces", "licence": "CC BY 4.0", "credit": "A. Photographer"}],
    "gets_wrong": ["Beards are lost."],
    "notes": "Trained for a test.",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.yaml"
    path.write_text(yaml.safe_dump(SOURCES))
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    save_completion_network(
        create_model("unet", **OPTIONS),
        folder / "average.safetensors",
        name="unet",
        options=OPTIONS,
        input_size=32,
    )
    (folder / "recipe.yaml").write_text("seed: 11\n")
    return folder


@pytest.fixture(scope="session")
def detector_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    configuration = DetectorConfiguration(image_size=64, one_to_one=False)
    return save_detector(
        build_network(configuration),
        configuration,
        tmp_path_factory.mktemp("detector") / "mine.safetensors",
    )


def write_report(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_of_the_inpainter_is_recorded_for_the_catalog(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path / "home"))
    label = f"unet@{run / 'average.safetensors'}"
    realism = {"realism_distance": {"mean": 2.0, "low": 1.0, "high": 3.0, "count": 30}}
    report = write_report(
        tmp_path / "val" / "report.json",
        {
            "cases": 3,
            "overall": {
                "telea": {"psnr_hole": {"mean": 14.0}},
                label: {"psnr_hole": {"mean": 21.1234567}, "seconds": {"mean": None}},
            },
            "parts": {
                "gender": {
                    "Female": {label: {"psnr_hole": {"mean": 20.5, "count": 2}, **realism}},
                    "smaller ones together": {label: {"psnr_hole": {"mean": 20.5, "count": 2}}},
                },
                "face size": {"60 to 90 px": {label: {"psnr_hole": {"mean": 20.5, "count": 2}}}},
            },
        },
    )
    arguments = ["record", str(run), "--name", "unet.mine", "--data", str(data)]
    arguments += ["--recipe", "unet.tiny", "--metrics", str(report)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    record = lookup.get_record("unet.mine")
    assert (record.seed, record.recipe, record.input_size) == (11, "unet.tiny", 32)
    assert record.options == OPTIONS
    female = {"cases": 2, "psnr_hole": 20.5}
    female |= {
        f"realism_distance{end}": value for end, value in (("", 2), ("_low", 1), ("_high", 3))
    }
    groups = {"gender": {"Female": female}}
    assert record.metrics == {"val": {"cases": 3, "psnr_hole": 21.123, "groups": groups}}
    assert record.gets_wrong == ("Beards are lost.",)
    assert record.parameters == count_parameters(create_model("unet", **OPTIONS))
    assert lookup.verify("unet.mine") == tmp_path / "home" / "unet.mine.safetensors"
    assert create_model("unet", pretrained="unet.mine").input_size == 32
    card = (tmp_path / "home" / "unet.mine.md").read_text()
    for fact in ("A. Photographer", "- Beards are lost.", "Trained for a test.", "21.12"):
        assert fact in card


def test_a_detector_is_recorded_into_two_folders(
    detector_file: Path, data: Path, tmp_path: Path
) -> None:
    report = write_report(
        tmp_path / "report.json",
        {
            "configuration": {"weights": str(detector_file)},
            "pictures": 4,
            "recall": 0.9123456,
            "ap": None,
            "quality": {"detector": {"iou": 0.8}, "morphology": {"iou": None}},
            "unmasked_changed": {"morphology": 0.25},
        },
    )
    recorded = record_weights(
        detector_file,
        CatalogPlace("yolo26n-seg.mine", tmp_path / "files", tmp_path / "records"),
        data=data,
        recipe="cpu",
        seed=0,
        reports={"val": report},
    )
    record = recorded.record
    assert record.kind == "detector"
    assert record.parameters == 2_772_048
    assert 10**6 < record.multiply_adds < 10**8
    assert record.metrics["val"] == {
        "pictures": 4,
        "recall": 0.91235,
        "detector": {"iou": 0.8},
        "morphology": {"unmasked_changed": 0.25},
    }
    assert names_in(tmp_path / "files") == ["yolo26n-seg.mine.safetensors"]
    assert names_in(tmp_path / "records") == [
        "yolo26n-seg.mine.md",
        "yolo26n-seg.mine.yaml",
    ]
    assert load_state_dict(recorded.weights)


def test_a_run_of_landmarks_is_recorded_with_its_own_figures(data: Path, tmp_path: Path) -> None:
    configuration = LandmarkConfiguration(widths=(8, 8, 8), size=32)
    run = tmp_path / "run"
    weights = save_landmarks(
        LandmarkNetwork(configuration), configuration, run / "landmarks.safetensors"
    )
    (run / "run.yaml").write_text("seed: 5\n")
    (run / "catalog").mkdir()
    for name, digest, figure in (("other", "0" * 64, 0.9), ("run", file_sha256(weights), 0.0338)):
        content = {"sha256": digest, "metrics": {"val": {"visible": figure}}}
        (run / "catalog" / f"landmarks.{name}.yaml").write_text(yaml.safe_dump(content))
    place = CatalogPlace("landmarks.mine", tmp_path / "home")
    record_weights(run, place, data=data, recipe="cpu")
    record = yaml.safe_load((tmp_path / "home" / "landmarks.mine.yaml").read_text())
    assert record["seed"] == 5
    assert record["metrics"] == {"val": {"visible": 0.0338}}


def test_nothing_is_written_where_something_is_wrong(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = tmp_path / "catalog"

    def record(**changes: object) -> None:
        options = {"data": data, "recipe": "tiny"}
        source, name = changes.pop("source", run), changes.pop("name", "unet.mine")
        place = CatalogPlace(name, catalog_folder(changes.pop("folder", catalog)))
        record_weights(source, place, **{**options, **changes})

    with pytest.raises(WeightsError, match="holds a unet"):
        record(name="gated.mine")
    with pytest.raises(WeightsError, match="not a run with weights"):
        record(source=tmp_path)
    with pytest.raises(WeightsError, match="must have"):
        record(name="unet.Mine")
    (tmp_path / "wrong.yaml").write_text("source: []\n")
    with pytest.raises(ConfigurationError, match="Did you mean 'sources'"):
        record(data=tmp_path / "wrong.yaml")
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, other)
    with pytest.raises(WeightsError, match="does not say"):
        record(source=other, seed=1)
    with pytest.raises(InputError, match="--seed"):
        record(source=other)
    monkeypatch.delenv("UNMASK_HOME", raising=False)
    with pytest.raises(ConfigurationError, match="UNMASK_HOME"):
        record(folder=None)
    measured = {"cases": 1, "overall": {f"unet@{other}": {}}}
    report = write_report(tmp_path / "report.json", measured)
    with pytest.raises(InputError, match="not the file to record"):
        record(reports={"val": report})
    assert not catalog.exists()


def test_files_are_replaced_only_when_asked(run: Path, data: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    place, options = CatalogPlace("unet.mine", catalog), {"data": data, "recipe": "tiny"}
    first = record_weights(run, place, **options)
    with pytest.raises(OutputError, match="exists already"):
        record_weights(run, place, **options)
    # Weights that lie on the catalog already are recorded where they are.
    again = record_weights(first.weights, replace(place, overwrite=True), **options, seed=12)
    assert again.record.seed == 12
    assert again.record.sha256 == first.record.sha256
    assert len(list(catalog.iterdir())) == 3


def test_a_name_of_another_catalog_folder_is_refused(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shipped").mkdir()
    monkeypatch.setattr(lookup, "RECORDS", tmp_path / "shipped")
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path / "home"))
    (tmp_path / "shipped" / "unet.mine.yaml").write_text("name: unet.mine\n")
    with pytest.raises(WeightsError, match="choose another name"):
        place = CatalogPlace("unet.mine", catalog_folder(None))
        record_weights(run, place, data=data, recipe="tiny")


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        ([], "detector", "not a report of 'unmask evaluate detector'"),
        ({"overall": {}}, "detector", "has no 'quality'"),
        ({"overall": {"telea": {}}}, "inpainter", "it measured telea"),
    ],
)
def test_other_reports_are_refused(
    content: object, kind: str, sentence: str, tmp_path: Path
) -> None:
    description = NetworkDescription(kind, "unet", {}, 64, (-1.0, 1.0), 1, 1)  # type: ignore[arg-type]
    report = write_report(tmp_path / "report.json", content)
    with pytest.raises(InputError, match=sentence):
        read_figures(report, description, "0" * 64)
    report.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match="nested too deeply"):
        read_figures(report, description, "0" * 64)
    with pytest.raises(InputError, match="Cannot read"):
        read_figures(tmp_path / "none.json", description, "0" * 64)


def test_a_convolution_s_multiply_adds_are_counted() -> None:
    layer = torch.nn.Conv2d(3, 8, 3, padding=1)
    assert count_multiply_adds(layer, torch.zeros(1, 3, 10, 10)) == 100 * 8 * 3 * 9
