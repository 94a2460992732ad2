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
from tests.detector.blobs import draw_blob_picture
from weights.base.errors import InputError, OutputError, WeightsError
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


def test_every_size_becomes_a_row_in_three_files(
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
    # Precision is measured down to low scores, time at the score in use.
    assert [one["confidence"] for one in made[:2]] == [0.01, 0.25]


def test_an_earlier_table_is_replaced_only_when_asked(
    pictures: Path, weights: Path, made: list[dict[str, Any]]
) -> None:
    arguments = arguments_of(pictures, weights, "--image-size", "64")
    compare_detectors.main(arguments)
    with pytest.raises(OutputError, match="exists already"):
        compare_detectors.main(arguments)
    assert len(made) == 2
    compare_detectors.main([*arguments, "--overwrite"])
    assert len(made) == 4


def test_wrong_calls_are_refused(pictures: Path, weights: Path, tmp_path: Path) -> None:
    def compare(*arguments: str) -> None:
        compare_detectors.main([str(pictures), "--output", str(tmp_path / "no"), *arguments])

    with pytest.raises(InputError, match="NAME=WEIGHTS"):
        compare("--detector", str(weights))
    with pytest.raises(WeightsError, match="no weight file"):
        compare("--detector", "nano=none.safetensors")
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
