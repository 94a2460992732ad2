from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import PIL.Image
import pytest
import torch

from detector.find.architecture import DetectorConfiguration, build_network
from detector.find.weight_file import save_detector
from examples.maintenance import compare_detectors
from examples.maintenance.compare_detectors import HEADINGS, milliseconds_a_picture
from tests.detector.blobs import draw_blob_picture, write_blob_dataset
from weights.base.errors import ConfigurationError, InputError, WeightsError
from weights.base.regions import MaskRegion

if TYPE_CHECKING:
    from pathlib import Path


class BlobDetector:
    """Finds blue blobs; at small sizes only the larger ones."""

    def __init__(self, specification: dict[str, Any]) -> None:
        self.size = specification["image_size"]
        self.seen: list[str] = []

    def detect(self, images: Any) -> list[list[MaskRegion]]:
        found = []
        for image in images:
            blue = (image[..., 2].astype(int) - image[..., 0] > 100).astype(np.uint8)
            _, labels, statistics, _ = cv2.connectedComponentsWithStats(blue)
            found.append(
                [
                    MaskRegion.from_mask(labels == index, 0.9, "mask")
                    for index in range(1, len(statistics))
                    if statistics[index, cv2.CC_STAT_AREA] > 12000 / self.size
                ]
            )
        return found


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    lines = []
    for index in range(5):
        picture, outlines = draw_blob_picture(random)
        if index == 4:
            picture, outlines = np.full((64, 64, 3), 80, np.uint8), []
        PIL.Image.fromarray(picture).save(tmp_path / f"{index}.png")
        masks = [{"pieces": [outline.tolist()]} for outline in outlines]
        lines.append(json.dumps({"file": f"{index}.png", "masks": masks}))
    (tmp_path / "set.jsonl").write_text("\n".join(lines))
    return tmp_path / "set.jsonl"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    configuration = DetectorConfiguration("yolo26n-seg", 64, ("mask",), False)
    return save_detector(build_network(configuration), configuration, tmp_path / "nano.safetensors")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The specifications of the stand-in detectors that were made, in their order."""
    specifications: list[dict[str, Any]] = []

    def make(_: str, specification: dict[str, Any], device: str) -> BlobDetector:
        specifications.append(specification)
        return BlobDetector(specification)

    monkeypatch.setattr(compare_detectors, "create_stage", make)
    return specifications


def arguments_of(pictures: Path, weights: Path, *more: str) -> list[str]:
    folder = pictures.parent / "table"
    return [
        str(pictures),
        *("--detector", f"nano={weights}", "--output", str(folder), "--min-width", "4"),
        *("--device", "cpu", "--timed", "2", "--runs", "1", "--threads", "1", *more),
    ]


def test_every_size_becomes_a_row_in_three_files_and_a_plot(
    pictures: Path, weights: Path, made: list[dict[str, Any]], capsys: Any
) -> None:
    before = torch.get_num_threads()
    compare_detectors.main(arguments_of(pictures, weights, "--image-size", "32,320"))
    assert torch.get_num_threads() == before
    folder = pictures.parent / "table"
    with (folder / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == HEADINGS
    assert [(row["detector"], row["size"], row["second look"]) for row in rows] == [
        ("nano", "32", "none"),
        ("nano", "320", "none"),
    ]
    assert rows[0]["parameters"] == "2,772,048"
    assert float(rows[0]["recall"]) < float(rows[1]["recall"]) == 1.0
    assert float(rows[1]["precision"]) == 1.0
    assert float(rows[1]["mean IoU"]) > 0.85
    assert float(rows[1]["unmasked changed"]) == 0.0
    assert min(float(row["times the fastest"]) for row in rows) == 1.0
    content = json.loads((folder / "table.json").read_text())
    assert content["settings"]["pictures"] == 5
    assert content["settings"]["unmasked"] == 1
    assert content["rows"][1]["recall"] == 1.0
    text = (folder / "table.md").read_text()
    assert text in capsys.readouterr().out
    assert "| nano | 2,772,048 | 320 | none | 1.000 | 1.000 |" in text
    plot = PIL.Image.open(folder / "scatter.png")
    assert plot.width > 400
    # Precision is measured down to low scores, time at the score in use.
    assert [one["confidence"] for one in made[:2]] == [0.01, 0.25]


def test_what_is_measured_is_not_measured_again(
    pictures: Path, weights: Path, made: list[dict[str, Any]]
) -> None:
    compare_detectors.main(arguments_of(pictures, weights, "--image-size", "64"))
    assert len(made) == 2
    compare_detectors.main(arguments_of(pictures, weights, "--image-size", "64,96"))
    assert [one["image_size"] for one in made[2:]] == [96, 96]
    table = (pictures.parent / "table" / "table.json").read_text()
    assert [row["size"] for row in json.loads(table)["rows"]] == [64, 96]
    with pytest.raises(InputError, match="another confidence"):
        compare_detectors.main(arguments_of(pictures, weights, "--confidence", "0.5"))
    assert (pictures.parent / "table" / "table.json").read_text() == table
    again = ("--image-size", "64", "--confidence", "0.5", "--overwrite")
    compare_detectors.main(arguments_of(pictures, weights, *again))
    assert len(made) == 6


def test_changed_weights_are_measured_anew(
    pictures: Path, weights: Path, made: list[dict[str, Any]]
) -> None:
    compare_detectors.main(arguments_of(pictures, weights, "--image-size", "64"))
    torch.manual_seed(1)
    configuration = DetectorConfiguration("yolo11n-seg", 64, ("mask",))
    save_detector(build_network(configuration), configuration, weights, overwrite=True)
    compare_detectors.main(arguments_of(pictures, weights, "--image-size", "64"))
    rows = json.loads((pictures.parent / "table" / "table.json").read_text())["rows"]
    assert len(made) == 4 and len(rows) == 1
    assert rows[0]["parameters"] != 2_772_048


def test_architectures_are_trained_for_the_same_time_and_measured(
    pictures: Path, tmp_path: Path, capsys: Any
) -> None:
    data = write_blob_dataset(tmp_path / "data")
    arguments = [str(pictures), "--train", "yolo26n-seg,yolo11n-seg", "--data", str(data)]
    arguments += ["--minutes", "0.02", "--config", "cpu", "--image-size", "64", "--device", "cpu"]
    arguments += ["--output", str(tmp_path / "table"), "--timed", "1", "--runs", "1"]
    arguments += ["--threads", "1"]
    for change in ("image_size=64", "batch=4", "step_batch=4", "cache=''", "epochs=2"):
        arguments += ["--set", change]
    compare_detectors.main(arguments)
    rows = json.loads((tmp_path / "table" / "table.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["yolo26n-seg", "yolo11n-seg"]
    assert all(row["milliseconds"] > 0 for row in rows)
    run = tmp_path / "table" / "runs" / "yolo11n-seg"
    assert (run / "catalog" / "yolo11n-seg.yolo11n-seg.yaml").is_file()
    assert "yolo11n-seg: 0.02 minutes" in capsys.readouterr().out


def test_wrong_calls_are_refused(pictures: Path, weights: Path, tmp_path: Path) -> None:
    def compare(*arguments: str) -> None:
        compare_detectors.main([str(pictures), "--output", str(tmp_path / "no"), *arguments])

    with pytest.raises(InputError, match="NAME=WEIGHTS"):
        compare("--detector", str(weights))
    with pytest.raises(WeightsError, match="no weight file"):
        compare("--detector", "nano=none.safetensors")
    with pytest.raises(InputError, match="nothing to compare"):
        compare()
    with pytest.raises(ConfigurationError, match="Did you mean 'yolo26x-seg'"):
        compare("--train", "yolo26xx-seg", "--data", "data.yaml")
    with pytest.raises(InputError, match="needs --data"):
        compare("--train", "yolo26n-seg")
    assert not (tmp_path / "no").exists()


def test_the_first_run_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Detector:
        clock, calls = 0.0, 0

        def detect(self, images: Any) -> list[list[MaskRegion]]:
            # Slow while it loads, then 0.5, 0.75 and 0.25 s a picture.
            Detector.clock += (9.0, 0.5, 0.75, 0.25)[Detector.calls // 2]
            Detector.calls += 1
            return [[]]

    monkeypatch.setattr(compare_detectors.time, "perf_counter", lambda: Detector.clock)
    picture = np.zeros((8, 8, 3), np.uint8)
    assert milliseconds_a_picture(Detector(), [picture, picture], 3) == 500.0
