from __future__ import annotations

import csv
import json

import numpy as np
import PIL.Image
import pytest

from pipeline.command_line import main
from pipeline.commands.evaluate import read_hole_specification, read_stages
from tests.faces import canonical_landmarks
from tests.pipeline.colour_stages import masked_scene
from weights.errors import ConfigurationError


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
                "landmarks": canonical_landmarks(60, (60, 50)).tolist(),
            }
        )
    folder = tmp_path
    (folder / "faces.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return folder


def evaluate(*arguments, what="inpainter"):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", what, *map(str, arguments)])
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


def test_stages_and_holes_are_read():
    text = "gated, telea,gated@a/b.safetensors,my.module:Class"
    assert read_stages(text, "--models") == {
        "gated": "gated",
        "telea": "telea",
        "gated@a/b.safetensors": {"name": "gated", "weights": "a/b.safetensors"},
        "Class": "my.module:Class",
    }
    mapping = {"name": "gated", "image_size": 512}
    assert read_stages("[telea, {name: gated, image_size: 512}]", "--models") == {
        "telea": "telea",
        "gated (image_size 512)": mapping,
    }
    for wrong in ("gated@", "@file", "", "[", "[3]", "[{size: 3}]"):
        with pytest.raises(ConfigurationError, match="--models must be"):
            read_stages(wrong, "--models")
    path = "detector.synthesis.holes:FaceMaskHoles"
    assert read_hole_specification("face-mask") == path
    assert read_hole_specification("{name: face-mask, wobble: 0}") == {"name": path, "wobble": 0}
    assert read_hole_specification("irregular") == "irregular"


STAGES = "tests.pipeline.colour_stages"


@pytest.fixture
def annotated(tmp_path):
    """Two pictures with a found mask each, one with a missed mask, one without any."""
    patches = [[(20, 30, 90, 80)], [(40, 40, 110, 100)], [], []]
    drawn = [[(20, 30, 90, 80)], [(40, 40, 110, 100)], [(10, 10, 80, 60)], []]
    lines = []
    for number, boxes in enumerate(patches):
        PIL.Image.fromarray(masked_scene((120, 160), boxes, number)).save(
            tmp_path / f"{number}.png"
        )
        masks = [
            {"pieces": [[[x0, y0], [x1 - 1, y0], [x1 - 1, y1 - 1], [x0, y1 - 1]]]}
            for x0, y0, x1, y1 in drawn[number]
        ]
        lines.append({"file": f"{number}.png", "masks": masks, "tags": [f"tag{number % 2}"]})
    (tmp_path / "first.jsonl").write_text("\n".join(json.dumps(line) for line in lines[:3]))
    (tmp_path / "second.jsonl").write_text(json.dumps(lines[3]))
    return tmp_path


def evaluate_colours(folder, *arguments):
    return evaluate(
        folder / "first.jsonl",
        folder / "second.jsonl",
        *("--detector", f"{STAGES}:find_colour", "-o", folder / "r", *arguments),
        what="detector",
    )


def test_a_detector_with_refiners_on_two_sets(annotated, capsys):
    refiners = f"{STAGES}:exact_holes,morphology"
    assert evaluate_colours(annotated, "--refiners", refiners, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((annotated / "r" / "report.json").read_text())
    assert printed["pictures"] == 4 and printed["drawn"] == 3
    assert printed["precision"] == 1 and printed["recall"] == pytest.approx(2 / 3)
    assert printed["unmasked_pictures"] == 1
    assert set(printed["unmasked_changed"]) == {"detector", "exact_holes", "morphology"}
    assert printed["quality"]["exact_holes"]["iou"] == pytest.approx(1)
    assert printed["quality"]["morphology"]["excess"] > 0.05


def test_the_files_of_a_detection_report(annotated, capsys):
    assert evaluate_colours(annotated, "--sheet", 3, "--min-width", 10) == 0
    assert "recall at IoU 0.5" in capsys.readouterr().out
    markdown = (annotated / "r" / "report.md").read_text()
    assert "| masks of 10 px and wider | 3 |" in markdown and "| tag0 | 2 | 0.500 |" in markdown
    masks = list(csv.DictReader((annotated / "r" / "masks.csv").open()))
    assert [mask["found"] for mask in masks] == ["1", "1", "0"]
    assert float(masks[0]["iou detector"]) == 1 and masks[2]["iou detector"] == ""
    pictures = list(csv.DictReader((annotated / "r" / "pictures.csv").open()))
    assert [picture["unmasked"] for picture in pictures] == ["0", "0", "0", "1"]
    assert pictures[0]["changed morphology"] == "1" and pictures[3]["changed morphology"] == "0"
    with PIL.Image.open(annotated / "r" / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    rows = np.split(pixels[22:], 3)
    green = [((row - (0, 220, 0)) ** 2).sum(axis=2).min() for row in rows]
    red = [((row - (255, 0, 0)) ** 2).sum(axis=2).min() for row in rows]
    assert max(green) == 0, "every shown picture has a drawn mask"
    assert red[0] > 0 and red[1] == red[2] == 0, "the picture with the missed mask comes first"


def test_wrong_sets_get_one_sentence(annotated, capsys):
    code = evaluate(annotated / "none.jsonl", "-o", annotated / "r", what="detector")
    assert code == 2 and "none.jsonl" in capsys.readouterr().err
    (annotated / "r").mkdir()
    (annotated / "r" / "masks.csv").write_text("mine")
    assert evaluate_colours(annotated) == 2
    assert "--overwrite" in capsys.readouterr().err
