from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
import time

import numpy as np
import PIL.Image
import pytest

from inpainter.metrics.realism import can_measure_realism
from pipeline.command_line import main
from pipeline.commands.evaluation_options import read_hole_specifications, read_stages
from tests.faces import canonical_landmarks, write_faces
from tests.pipeline.colour_stages import masked_scene
from weights.base.errors import ConfigurationError


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
    assert printed["cases"] == 4 and printed["configuration"]["framing"] == "auto"
    assert set(printed["overall"]) == {"telea", "navier-stokes"}
    assert 5 < printed["overall"]["telea"]["psnr_hole"]["mean"] < 40
    assert set(printed["parts"]["gender"]) == {"Female", "Male"}
    assert "p" in printed["differences"]["telea less navier-stokes"]["psnr_hole"]
    assert printed["configuration"]["unmask"] and printed["run"]["peak memory"].endswith("MiB")
    assert {path.name for path in out.iterdir()} >= {
        "report.html",
        "report.md",
        "tables.tex",
        "tables.csv",
        "cases.csv",
        "best.jpg",
        "median.jpg",
        "worst.jpg",
    }
    assert not (out / "unfinished.jsonl").exists()
    with PIL.Image.open(out / "worst.jpg") as sheet:
        assert sheet.width > 4 * 224


@pytest.fixture(scope="module")
def realism_report(tmp_path_factory):
    """The folder of a report on 30 drawn faces, with all that realism needs."""
    if not can_measure_realism():
        pytest.skip("needs the extra 'evaluate'")
    root = tmp_path_factory.mktemp("realism")
    faces = write_faces(root / "faces", 32, side=96)
    options = ("--models", "telea,navier-stokes", "--size", 48, "--split", "train")
    assert evaluate(faces, *options, "--holes", "centre-box", "--sheet", 0, "-o", root / "a") == 0
    return root / "a"


class TestRealism:
    def test_it_stands_first_in_the_report(self, realism_report):
        content = json.loads((realism_report / "report.json").read_text())
        assert content["configuration"]["realism"] is True
        assert list(content["metrics"])[:3] == [
            "realism_distance",
            "realism_floor",
            "detectability",
        ]
        telea = content["overall"]["telea"]
        assert telea["realism_distance"]["count"] == 30
        assert telea["realism_distance"]["low"] > telea["realism_floor"]["high"]
        assert 0.9 < telea["detectability"]["mean"] <= 1.0
        assert 0.0 < telea["detail_1"]["mean"] < 0.7, "Telea blurs"
        markdown = (realism_report / "report.md").read_text()
        table = markdown[markdown.index("## All cases") :]
        assert table.index("Realism distance") < table.index("Detail kept") < table.index("PSNR")
        assert "| yaw | system | cases | Realism distance | Detectability |" in markdown
        with (realism_report / "tables.csv").open() as file:
            rows = {
                (row["kind"], row["system"], row["metric"]): row for row in csv.DictReader(file)
            }
        assert float(rows["all", "telea", "detectability"]["mean"]) > 0.9
        assert ("difference", "telea less navier-stokes", "realism_distance") in rows

    def test_it_stands_in_what_is_printed_compared_and_published(self, realism_report, capsys):
        assert evaluate(realism_report, realism_report, what="diff") == 0
        line = next(
            one for one in capsys.readouterr().out.splitlines() if one.startswith("| Realism d")
        )
        cells = [one.strip() for one in line.split("|")]
        assert cells[2] == cells[3] and "(" in cells[2] and cells[4:7] == ["0.000", "-", "30"]
        readme = realism_report.parent / "README.md"
        readme.write_text("<!-- unmask figures: begin -->\n<!-- unmask figures: end -->\n")
        assert evaluate(realism_report, "--readme", readme, what="publish") == 0
        assert "| Realism distance " in readme.read_text(), "the first of the figures"

    def test_without_the_extra_a_line_says_how_to_get_it(
        self, faces, tmp_path, capsys, monkeypatch
    ):
        find = importlib.util.find_spec
        monkeypatch.setattr(
            "importlib.util.find_spec",
            lambda name, *rest: None if name == "sklearn" else find(name, *rest),
        )
        arguments = (faces, "--models", "telea", "--size", 64, "--sheet", 0)
        assert evaluate(*arguments, "-o", tmp_path / "r") == 0
        error = capsys.readouterr().err
        assert error.count("Realism is not measured") == 1 and "'unmask[evaluate]'" in error
        content = json.loads((tmp_path / "r" / "report.json").read_text())
        assert content["configuration"]["realism"] is False
        assert evaluate(*arguments, "--realism", "-o", tmp_path / "s") == 2
        error = capsys.readouterr().err
        assert "scikit-learn" in error and error.count("\n") == 1
        assert not (tmp_path / "s").exists()

    def test_it_can_be_switched_off(self, faces, tmp_path, capsys):
        arguments = (faces, "--models", "telea", "--size", 64, "--sheet", 0, "--no-realism")
        assert evaluate(*arguments, "-o", tmp_path / "r") == 0
        told = capsys.readouterr()
        assert "Realism is not measured" not in told.err and "Realism distance:" not in told.out
        content = json.loads((tmp_path / "r" / "report.json").read_text())
        assert content["configuration"]["realism"] is False and "detail_1" in content["metrics"]


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


def test_a_run_that_was_broken_off_goes_on(faces, tmp_path, capsys, monkeypatch):
    from inpainter.classical import TeleaInpainter

    arguments = (faces, "--models", "telea", "--size", 64, "--batch", 1, "-o", tmp_path / "r")
    complete, calls = TeleaInpainter.complete, []

    def failing(self, crops, holes):
        calls.append(len(crops))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return complete(self, crops, holes)

    monkeypatch.setattr(TeleaInpainter, "complete", failing)
    evaluate(*arguments)
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["unfinished.jsonl"]
    assert evaluate(*arguments[:-4], "--batch", 2, "--seed", 1, "-o", tmp_path / "r") == 2
    assert "other settings" in capsys.readouterr().err
    assert evaluate(*arguments, "--sheet", 0) == 0
    assert "Resuming after 2 existing results" in capsys.readouterr().err
    assert len(calls) == 4 + 3, "one to load, and the two that were left"
    assert json.loads((tmp_path / "r" / "report.json").read_text())["cases"] == 4


def test_a_run_that_was_killed_goes_on_to_the_same_figures(faces, tmp_path, capsys):
    system = "tests.pipeline.apps.server.slow_inpainter:SlowTelea"
    arguments = (faces, "--models", system, "--size", 64, "--batch", 1, "--sheet", 0, "-o")
    assert evaluate(*arguments, tmp_path / "whole") == 0
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "evaluate", "inpainter"]
        + [str(argument) for argument in (*arguments, killed)],
        stdout=subprocess.DEVNULL,
    )
    results = killed / "unfinished.jsonl"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if results.exists() and results.read_text().count("\n") >= 3:
            break
        time.sleep(0.02)
    process.kill()
    assert process.wait() != 0, "it was killed before its end"
    capsys.readouterr()
    assert evaluate(*arguments, killed) == 0
    assert "Resuming after" in capsys.readouterr().err
    reports = [
        json.loads((tmp_path / name / "report.json").read_text()) for name in ("whole", "killed")
    ]
    for report in reports:
        del report["overall"]["SlowTelea"]["seconds"]
    assert reports[0]["overall"] == reports[1]["overall"]
    assert reports[0]["checksum_of_holes"] == reports[1]["checksum_of_holes"]


def test_networks_that_look_at_the_mask(tmp_path, capsys):
    from inpainter import create_model
    from inpainter.weight_files import save_completion_network

    file = tmp_path / "paired.safetensors"
    network = create_model("paired-gan")
    save_completion_network(network, file, name="paired-gan", options={}, input_size=32)
    folder = write_faces(tmp_path / "faces", 3, side=160)
    models = ("--models", f"telea,paired-gan@{file}", "--size", 48, "--split", "train")
    report = tmp_path / "report"
    for holes in ("face-mask", "drawn-mask,centre-box"):
        assert evaluate(folder, *models, "--holes", holes, "-o", report) == 2
        assert (
            "with drawn masks only (holes 'drawn-mask')" in capsys.readouterr().err
            and not report.exists()
        )
    assert evaluate(folder, *models, "--holes", "drawn-mask", "-o", report) == 0
    assert "sees the mask itself" in capsys.readouterr().out
    with PIL.Image.open(report / "best.jpg") as sheet:
        assert sheet.width > 5 * 224, "true, masked, with hole, and two systems"


def test_metrics_to_rank_by(faces, tmp_path, capsys):
    arguments = (faces, "--models", "telea", "--size", 64, "-o", tmp_path / "r", "--rank")
    assert evaluate(*arguments, "ssim_hol") == 2
    assert "Did you mean 'ssim_hole'" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
    assert evaluate(*arguments, "lpips") == 0
    assert "No sheets are drawn: 'lpips' was not measured" in capsys.readouterr().err


def test_a_narrow_terminal_gets_means_alone(faces, tmp_path, capsys, monkeypatch):
    arguments = (faces, "--models", "telea,navier-stokes", "--size", 64, "--sheet", 0, "-o")
    for columns, name in (("70", "narrow"), ("120", "wide")):
        monkeypatch.setenv("COLUMNS", columns)
        assert evaluate(*arguments, tmp_path / name) == 0
        printed = capsys.readouterr().out
        assert ("intervals in the report" in printed) == (name == "narrow")
        table = printed[: printed.index(" cases, ")]
        assert (" to " in table) == (name == "wide")


def test_several_kinds_of_holes_and_frozen_sets(faces, tmp_path, capsys):
    holes = "centre-box,irregular"
    assert (
        evaluate(faces, "--holes", holes, "--size", 64, "-o", tmp_path / "set", what="freeze") == 0
    )
    assert "checksum of the holes" in capsys.readouterr().out
    reports = []
    for name, source in (("drawn", faces), ("stored", tmp_path / "set")):
        chosen = ("--holes", holes, "--size", 64) if name == "drawn" else ()
        code = evaluate(source, "--models", "telea", *chosen, "--sheet", 0, "-o", tmp_path / name)
        assert code == 0
        reports.append(json.loads((tmp_path / name / "report.json").read_text()))
    assert reports[0]["checksum_of_holes"] == reports[1]["checksum_of_holes"]
    assert reports[0]["cases"] == 8
    assert set(reports[1]["parts"]["holes"]) == {"centre-box", "irregular"}
    assert reports[1]["configuration"]["holes"] == holes
    figures = [one["overall"]["telea"]["psnr_hole"] for one in reports]
    assert figures[0] == pytest.approx(figures[1])
    capsys.readouterr()
    output = tmp_path / "diff.html"
    assert evaluate(tmp_path / "drawn", tmp_path / "stored", "-o", output, what="diff") == 0
    assert "B minus A" in capsys.readouterr().out and "B minus A" in output.read_text()
    assert evaluate(tmp_path / "set", "-o", tmp_path / "again", what="freeze") == 2
    assert "already holds frozen test cases" in capsys.readouterr().err


def test_holes_of_drawn_masks(tmp_path, capsys):
    folder = write_faces(tmp_path / "faces", 3, side=160)
    holes = "{name: drawn-mask, refiner: none}"
    code = evaluate(
        folder,
        "--models",
        "telea",
        "--holes",
        holes,
        "--size",
        64,
        "--split",
        "train",
        "-o",
        tmp_path / "r",
        "--sheet",
        0,
    )
    assert code == 0
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    assert report["cases"] == 1 and {"mask kind", "worn"} <= set(report["parts"])
    wrong = "{name: drawn-mask, refinre: none}"
    assert evaluate(folder, "--holes", wrong, "-o", tmp_path / "x") == 2
    assert "Did you mean 'refiner'" in capsys.readouterr().err


def test_other_holes_are_framed_by_the_face(faces, tmp_path):
    holes = "{name: centre-box, side: 0.25}"
    evaluate(faces, "--models", "telea", "--size", 64, "--holes", holes, "-o", tmp_path / "r")
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    assert list(report["parts"]["hole area"]) == ["0.01 to 0.1"]


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
        (["--models", "telea", "--holes", "{name: [}"], "--holes must be"),
        (["--models", "telea", "--framing", "eyes"], "framing must be"),
        (["--models", "telea", "--split", "test"], "no faces of the split 'test'"),
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
    assert read_hole_specifications("face-mask,irregular") == {
        "face-mask": path,
        "irregular": "irregular",
    }
    assert read_hole_specifications("{name: face-mask, wobble: 0}") == {
        "face-mask (wobble 0)": {"name": path, "wobble": 0}
    }


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


def test_the_files_of_a_detection_report(annotated, capsys, monkeypatch):
    from pipeline.evaluation import writing

    rows = []
    draw = writing.sheet_picture

    def noting(title, file, shown, **options):
        rows.extend(shown)
        return draw(title, file, shown, **options)

    monkeypatch.setattr(writing, "sheet_picture", noting)
    assert evaluate_colours(annotated, "--sheet", 3, "--min-width", 10) == 0
    assert "recall at IoU 0.5" in capsys.readouterr().out
    markdown = (annotated / "r" / "report.md").read_text()
    assert "3 masks of 10 px and wider" in markdown and "| tag0 | 2 | 0.500 (" in markdown
    assert "## By set" not in markdown, "masks are in one set only"
    masks = list(csv.DictReader((annotated / "r" / "masks.csv").open()))
    assert [mask["found"] for mask in masks] == ["1", "1", "0"]
    assert float(masks[0]["iou detector"]) == 1 and masks[2]["iou detector"] == ""
    assert masks[0]["set"] == "first"
    pictures = list(csv.DictReader((annotated / "r" / "pictures.csv").open()))
    assert [picture["unmasked"] for picture in pictures] == ["0", "0", "0", "1"]
    assert pictures[0]["changed morphology"] == "1" and pictures[3]["changed morphology"] == "0"
    assert [row.name for row in rows] == ["2.png", "0.png", "1.png"], "the missed mask comes first"
    for row, found in zip(rows, (False, True, True), strict=True):
        for name in ("found", "morphology"):
            colours = row.cells[name].reshape(-1, 3).tolist()
            assert [0, 220, 0] in colours and ([255, 0, 0] in colours) == found
    assert rows[0].caption == "2.png: 0 of 1 masks found, 0 falsely; nothing"
    with PIL.Image.open(annotated / "r" / "worst.jpg") as sheet:
        assert sheet.size == (4 + 3 * (384 + 4), 22 + 3 * (18 + 288 + 4))
    if importlib.util.find_spec("matplotlib") is not None:
        assert (annotated / "r" / "plots" / "precision_recall.png").is_file()


def test_kinds_of_drawn_masks_come_from_the_data_sets_record(tmp_path):
    from pipeline.evaluation.annotated_sets import read_annotated_set

    root = tmp_path / "detection"
    for folder in ("images/val", "labels/val"):
        (root / folder).mkdir(parents=True)
    for number in range(2):
        image = masked_scene((64, 64), [], number)
        PIL.Image.fromarray(image).save(root / "images" / "val" / f"s{number}.jpg")
        label = "0 0.1 0.1 0.5 0.1 0.5 0.5\n"
        (root / "labels" / "val" / f"s{number}.txt").write_text(label * (number + 1))
    (root / "data.yaml").write_text(
        "path: .\ntrain: images/val\nval: images/val\nnames: {0: mask}\n"
    )
    line = {"kind": "scene", "part": "val", "layout": "crowd", "records": [{"kind": "n95"}]}
    lines = [{**line, "files": {"image": f"x/s{number}.jpg"}} for number in range(2)]
    (tmp_path / "manifest.jsonl").write_text("\n".join(json.dumps(one) for one in lines))
    first, second = read_annotated_set(root / "data.yaml", "val")
    assert [mask.label for mask in first.masks] == ["n95"] and first.tags == ("crowd",)
    assert [mask.label for mask in second.masks] == ["mask", "mask"], "not known whose outline"


def test_straps_of_masks_drawn_on_faces_are_measured_by_their_length(tmp_path):
    from detector.evaluation.evaluate import evaluate_detector
    from pipeline.evaluation.annotated_sets import read_annotated_set
    from pipeline.evaluation.drawn_faces import DrawnFaces
    from weights.base.regions import MaskRegion

    folder = write_faces(tmp_path / "faces", 4, side=160)
    pictures = read_annotated_set(folder, "train")
    faces = list(DrawnFaces(folder, split="train"))
    assert len(pictures) == len(faces) > 0
    for picture, face in zip(pictures, faces, strict=True):
        assert (picture.load() == face.masked).all()
        assert (picture.masks[0].draw((160, 160)) == face.mask).mean() > 0.999

    class FindsSomeStraps:
        """Finds every mask, and so much of the picture's straps from the left."""

        def __init__(self, columns: int) -> None:
            self.columns = columns

        def detect(self, images):
            found = []
            for image in images:
                face = next(face for face in faces if (face.masked == image).all())
                straps = face.straps.copy()
                straps[:, self.columns :] = False
                found.append([MaskRegion.from_mask(face.mask | straps, straps=straps)])
            return found

    def straps(columns: int) -> float:
        report = evaluate_detector(FindsSomeStraps(columns), pictures, min_width=20)
        assert report.recall == 1.0 and report.quality["detector"].iou > 0.99
        return report.quality["detector"].straps

    assert straps(160) == pytest.approx(1.0) and straps(0) < 0.2
    assert straps(80) == pytest.approx(0.5, abs=0.2)


def test_the_confirmation_can_be_switched_off(annotated, capsys):
    given = []

    def note(kind, specification, **options):
        given.append(specification)
        return create(kind, specification, **options) if kind != "detector" else find_colour_stage

    import pipeline.stages.registry as registry

    create = registry.create_stage
    find_colour_stage = create("detector", f"{STAGES}:find_colour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "create_stage", note)
        sets = (annotated / "first.jsonl", "-o", annotated / "r")
        assert evaluate(*sets, "--confirmation", "none", what="detector") == 0
    assert given[0]["confirmation"] is None
    report = json.loads((annotated / "r" / "report.json").read_text())
    assert report["configuration"]["confirmation"] == "none"


def test_whole_pipelines_on_photos(annotated, capsys):
    arguments = ["--detector", f"{STAGES}:find_colour", "--refiner", "none"]
    arguments += ["--inpainters", f"telea,{STAGES}:fill_mean"]
    sets = (annotated / "first.jsonl", annotated / "second.jsonl", "-o", annotated / "p")
    assert evaluate(*sets, *arguments, "--json", what="pipeline") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["stage"] == "pipeline" and printed["systems"] == ["telea", "fill_mean"]
    overall = printed["overall"]["telea"]
    assert overall["masks_found"]["mean"] == pytest.approx(2 / 3)
    assert overall["known_changed"]["high"] == 0 and overall["falsely_changed"]["mean"] == 0
    assert set(printed["parts"]["set"]) == {"first", "second"}
    assert (annotated / "p" / "worst.jpg").is_file()
    configuration = annotated / "own.yaml"
    configuration.write_text(f"detector: {STAGES}:find_colour\ninpainter: {STAGES}:fill_colour\n")
    sets = (annotated / "second.jsonl", "-o", annotated / "q", "--sheet", 0)
    assert evaluate(*sets, *arguments, "--config", configuration, what="pipeline") == 0
    report = json.loads((annotated / "q" / "report.json").read_text())
    assert report["systems"] == ["telea", "fill_mean", "own"]
    assert evaluate(*sets, "--refiner", "none,none", what="pipeline") == 2


def test_figures_are_published_into_a_readme(faces, tmp_path, capsys):
    evaluate(faces, "--models", "telea", "--size", 64, "-o", tmp_path / "r", "--sheet", 0)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- unmask figures: begin -->\n<!-- unmask figures: end -->\n")
    assert evaluate(tmp_path / "r", "--readme", readme, what="publish") == 0
    assert "| telea on 4 faces of the part val, face-mask, 64 px |" in readme.read_text()


def test_wrong_sets_get_one_sentence(annotated, capsys):
    code = evaluate(annotated / "none.jsonl", "-o", annotated / "r", what="detector")
    assert code == 2 and "none.jsonl" in capsys.readouterr().err
    (annotated / "r").mkdir()
    (annotated / "r" / "masks.csv").write_text("mine")
    assert evaluate_colours(annotated) == 2
    assert "--overwrite" in capsys.readouterr().err
