from __future__ import annotations

import json

import numpy as np
import PIL.Image
import pytest

from pipeline.command_line import main
from pipeline.commands.evaluate import read_hole_specification, read_models
from weights.errors import ConfigurationError


def landmarks():
    """A frontal face in a picture of 120 pixels: jaw, brows, nose, eyes and mouth."""
    points = np.zeros((68, 2))
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.array([60, 55]) + np.stack([30 * np.cos(angle), 42 * np.sin(angle)], axis=1)
    points[17:27] = np.stack([np.linspace(38, 82, 10), np.full(10, 40)], axis=1)
    points[27:31] = np.stack([np.full(4, 60), np.linspace(48, 64, 4)], axis=1)
    points[31:36] = np.stack([np.linspace(54, 66, 5), np.full(5, 68)], axis=1)
    points[36:42] = np.array([47, 49]) + np.stack([np.linspace(-5, 5, 6), np.zeros(6)], axis=1)
    points[42:48] = np.array([73, 49]) + np.stack([np.linspace(-5, 5, 6), np.zeros(6)], axis=1)
    points[48:] = np.stack([np.linspace(50, 70, 20), np.full(20, 80)], axis=1)
    return points


@pytest.fixture
def faces(tmp_path):
    random = np.random.default_rng(0)
    lines = []
    for number in range(4):
        picture = np.clip(random.normal(120, 20, (120, 120, 3)), 0, 255).astype(np.uint8)
        PIL.Image.fromarray(picture).save(tmp_path / f"{number}.png")
        lines.append(
            {
                "file": f"{number}.png",
                "split": "val",
                "gender": "Male" if number % 2 else "Female",
                "landmarks": landmarks().tolist(),
            }
        )
    folder = tmp_path
    (folder / "faces.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return folder


def evaluate(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "inpainter", *map(str, arguments)])
    return end.value.code or 0


def test_two_inpainters_on_face_masks(faces, tmp_path, capsys):
    out = tmp_path / "report"
    code = evaluate(faces, "--models", "telea,navier-stokes", "--size", 64, "-o", out, "--json")
    assert code == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "report.json").read_text())
    assert printed["cases"] == 4 and printed["configuration"]["framing"] == "hole"
    assert set(printed["overall"]) == {"telea", "navier-stokes"}
    assert 5 < printed["overall"]["telea"]["psnr_hole"]["mean"] < 40
    assert set(printed["parts"]["gender"]) == {"Female", "Male"}
    with PIL.Image.open(out / "sheet.png") as sheet:
        assert sheet.width > 4 * 256


def test_the_same_call_gives_the_same_holes_and_figures(faces, tmp_path, capsys):
    reports = []
    for name in ("a", "b"):
        evaluate(faces, "--models", "telea", "--size", 64, "-o", tmp_path / name)
        reports.append(json.loads((tmp_path / name / "report.json").read_text()))
    for report in reports:
        del report["overall"]["telea"]["seconds"]
    assert reports[0]["checksum_of_holes"] == reports[1]["checksum_of_holes"]
    assert reports[0]["overall"] == reports[1]["overall"]
    assert "PSNR hole" in capsys.readouterr().out


def test_other_holes_are_framed_by_the_face(faces, tmp_path):
    holes = "{name: centre-box, side: 0.25}"
    evaluate(faces, "--models", "telea", "--size", 64, "--holes", holes, "-o", tmp_path / "r")
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    assert report["configuration"]["framing"] == "face"
    assert list(report["parts"]["hole area"]) == ["0 to 0.1"]


def test_a_report_in_the_way_is_found_before_the_work(faces, tmp_path, capsys):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "cases.csv").write_text("mine")
    assert evaluate(faces, "--models", "telea", "-o", tmp_path / "r") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "r" / "cases.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--models", "tela"], "Did you mean 'telea'"),
        (["--models", "telea,telea"], "names 'telea' twice"),
        (["--models", ","], "separated by commas"),
        (["--models", "telea", "--holes", "free-from"], "Did you mean 'free-form'"),
        (["--models", "telea", "--holes", "{name: [}"], "not valid YAML"),
        (["--models", "telea", "--framing", "eyes"], "framing must be"),
        (["--models", "telea", "--split", "test"], "no face of the part 'test'"),
    ],
    ids=str,
)
def test_wrong_calls_get_one_sentence_and_code_2(faces, tmp_path, capsys, arguments, sentence):
    assert evaluate(faces, "-o", tmp_path / "r", *arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_models_and_holes_are_read():
    assert read_models("gated, telea,gated@a/b.safetensors,my.module:Class") == {
        "gated": "gated",
        "telea": "telea",
        "gated@a/b.safetensors": {"name": "gated", "weights": "a/b.safetensors"},
        "Class": "my.module:Class",
    }
    with pytest.raises(ConfigurationError, match="NAME@FILE"):
        read_models("gated@")
    path = "detector.synthesis.holes:FaceMaskHoles"
    assert read_hole_specification("face-mask") == path
    assert read_hole_specification("{name: face-mask, wobble: 0}") == {"name": path, "wobble": 0}
    assert read_hole_specification("irregular") == "irregular"
