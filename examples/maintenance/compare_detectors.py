"""Compare the accuracy and speed of detectors.

`python -m examples.maintenance.compare_detectors gold.jsonl negatives.jsonl
--detector nano=nano.safetensors
--image-size 320,480,640 --confirmation none,default --output runs/detectors`

Each detector is evaluated at each size and with each confirmation network, on the same annotated
pictures. The table shows recall next to milliseconds per picture.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector import evaluate_detector
from detector.data.annotations import AnnotatedPicture
from detector.find.verifier_file import describe_verifier
from detector.find.weight_file import describe_detector
from pipeline.evaluation.annotated_sets import read_annotated_set
from pipeline.evaluation.document import Table, markdown_table
from pipeline.evaluation.document import cells as as_cells
from pipeline.evaluation.writing import csv_text, refuse_existing
from pipeline.stages.registry import create_stage
from weights.base.atomic import write_whole
from weights.base.contracts import Image
from weights.base.errors import InputError
from weights.base.protocols import Detector
from weights.catalog.lookup import resolve

FILES = ("table.md", "table.csv", "table.json")
NO_LOOK = "none"
LEAST_CONFIDENCE = 0.01
"""Minimum score of regions when evaluating a detector, low for the precision curve."""

HEADINGS = (
    "detector",
    "parameters",
    "size",
    "second look",
    "precision",
    "recall",
    "AP50",
    "mean IoU",
    "unmasked changed",
    "ms a picture",
    "times the fastest",
)


@dataclass(frozen=True)
class Choice:
    """One detector configuration.

    Attributes:
        name: name of the detector.
        weights: its file.
        size: side of the square that pictures are fitted into, pixels.
        look: weights of the network that confirms each detection, or "none".
    """

    name: str
    weights: Path
    size: int
    look: str

    def specification(self, confidence: float) -> dict[str, Any]:
        """The detector as a stage of the pipeline."""
        return {
            "name": "yolo",
            "weights": str(self.weights),
            "confidence": confidence,
            "image_size": self.size,
            "confirmation": None if self.look == NO_LOOK else self.look,
        }


@dataclass(frozen=True)
class Row:
    """The figures of one configuration; fractions are from 0 to 1, None if undefined.

    Attributes:
        name: name of the detector.
        parameters: parameters of all its networks.
        size: side of the square that pictures are fitted into, pixels.
        look: weights of the confirmation network, or "none".
        precision, recall: of masks at IoU 0.5.
        ap50: average precision of masks at IoU 0.5.
        iou: mean intersection over union of the detected masks, before refinement.
        changed: fraction of the pictures without masks that have a detection.
        milliseconds: time per picture, the median of warm runs.
    """

    name: str
    parameters: int
    size: int
    look: str
    precision: float | None
    recall: float | None
    ap50: float | None
    iou: float | None
    changed: float | None
    milliseconds: float


def measure_choice(
    choice: Choice,
    pictures: Sequence[AnnotatedPicture],
    timed: Sequence[Image],
    options: argparse.Namespace,
) -> Row:
    """Evaluate one configuration on all pictures, and time it on some."""
    finder = create_stage("detector", choice.specification(LEAST_CONFIDENCE), device=options.device)
    report = evaluate_detector(
        finder, pictures, confidence=options.confidence, min_width=options.min_width
    )
    used = create_stage("detector", choice.specification(options.confidence), device=options.device)
    parameters = describe_detector(choice.weights).parameters
    if choice.look != NO_LOOK:
        parameters += describe_verifier(resolve(choice.look, "confirmation")).parameters
    return Row(
        choice.name,
        parameters,
        choice.size,
        choice.look,
        _known(report.precision),
        _known(report.recall),
        _known(report.ap50),
        _known(report.quality["detector"].iou),
        _known(report.unmasked_changed["detector"]),
        milliseconds_a_picture(used, timed, options.runs),
    )


def milliseconds_a_picture(detector: Detector, pictures: Sequence[Image], runs: int) -> float:
    """Time a detector on pictures one by one: the median of runs after a warm-up."""
    taken = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        for picture in pictures:
            detector.detect([picture])
        taken.append(1000.0 * (time.perf_counter() - began) / len(pictures))
    return statistics.median(taken[1:])


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def choices_of(options: argparse.Namespace) -> list[Choice]:
    """List every detector at every size with every confirmation network.

    Raises:
        InputError: two detectors share a name, or one is not NAME=WEIGHTS.
        WeightsError: a weight file is missing.
    """
    named: dict[str, Path] = {}
    for entry in options.detector:
        name, separator, weights = entry.partition("=")
        if not separator or not name or name in named:
            raise InputError(f"A detector is given as NAME=WEIGHTS, each once, not as {entry!r}.")
        named[name] = resolve(weights, "detector")
    for look in options.confirmation:
        if look != NO_LOOK:
            resolve(look, "confirmation")
    combinations = itertools.product(named.items(), options.image_size, options.confirmation)
    return [Choice(name, weights, size, look) for (name, weights), size, look in combinations]


def timed_pictures(pictures: Sequence[AnnotatedPicture], count: int) -> list[Image]:
    """Load some of the pictures, evenly spread."""
    at = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)
    return [pictures[index].load() for index in dict.fromkeys(at.tolist())]


def cells(row: Row, fastest: float) -> list[str]:
    """Format a row for `HEADINGS`."""
    shares = (row.precision, row.recall, row.ap50, row.iou, row.changed)
    return [
        row.name,
        f"{row.parameters:,}",
        str(row.size),
        _short(row.look),
        *("-" if share is None else f"{share:.3f}" for share in shares),
        f"{row.milliseconds:.0f}" if row.milliseconds >= 10 else f"{row.milliseconds:.2f}",
        f"{row.milliseconds / fastest:.2f}",
    ]


def _short(look: str) -> str:
    return Path(look).stem if look.endswith(".safetensors") else look


def write_tables(rows: Sequence[Row], settings: dict[str, Any], folder: Path) -> None:
    """Write table.md, table.csv and table.json."""
    fastest = min(row.milliseconds for row in rows)
    lines = [cells(row, fastest) for row in rows]
    table = Table("Detectors", HEADINGS, tuple(as_cells(*line) for line in lines), labels=4)
    text = [
        "# Detectors: accuracy against time",
        f"{settings['pictures']} pictures with {settings['masks']} outlined masks, of which those "
        f"of {settings['min_width']:g} px and wider count; precision and recall at IoU 0.5 and a "
        f"score of {settings['confidence']:g}. 'Unmasked changed' is the share of the "
        f"{settings['unmasked']} pictures without masks on which something is found. Times are "
        f"medians of warm runs on {settings['device']}.",
        markdown_table(table),
    ]
    content = {"settings": settings, "rows": [asdict(row) for row in rows]}
    texts = ("\n\n".join(text), csv_text(HEADINGS, lines), json.dumps(content, indent=2))
    for name, written in zip(FILES, texts, strict=True):
        write_whole(folder / name, written.rstrip("\n") + "\n", overwrite=True)


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Limit the number of threads within the block."""
    import cv2
    import torch

    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(count)
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""

    def names(text: str) -> list[str]:
        return [name.strip() for name in text.split(",") if name.strip()]

    def sizes(text: str) -> list[int]:
        return [int(size) for size in names(text)]

    parser = argparse.ArgumentParser(
        prog="python -m examples.maintenance.compare_detectors", description=__doc__
    )
    parser.add_argument("sets", nargs="+", type=Path, help="annotated .jsonl, or a data.yaml")
    parser.add_argument(
        "--detector", action="append", required=True, metavar="NAME=WEIGHTS", help="one or more"
    )
    parser.add_argument("--image-size", type=sizes, default=[320, 480, 640], help="sides, pixels")
    parser.add_argument(
        "--confirmation",
        type=names,
        default=[NO_LOOK],
        help="second looks to try, separated by commas: weights, or none",
    )
    parser.add_argument("--confidence", type=float, default=0.25, help="least score of a mask")
    parser.add_argument("--min-width", type=float, default=60.0, help="narrower masks do not count")
    parser.add_argument("--part", default="val", help="part of a data.yaml that is measured on")
    parser.add_argument("--output", type=Path, default=Path("runs/detectors"), help="folder")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier table")
    parser.add_argument("--timed", type=int, default=24, help="pictures on which times are taken")
    parser.add_argument("--runs", type=int, default=3, help="timed runs over these pictures")
    parser.add_argument("--threads", type=int, default=2, help="number of CPU threads")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Evaluate all configurations, and write the tables."""
    options = build_parser().parse_args(arguments)
    choices = choices_of(options)
    refuse_existing(options.output, FILES, overwrite=options.overwrite)
    pictures = [
        picture for one in options.sets for picture in read_annotated_set(one, options.part)
    ]
    timed = timed_pictures(pictures, options.timed)
    settings = describe_settings(options, pictures)
    rows = []
    with limited_threads(options.threads):
        for choice in choices:
            row = measure_choice(choice, pictures, timed, options)
            rows.append(row)
            write_tables(rows, settings, options.output)
            print(f"{len(rows)}/{len(choices)}: {' | '.join(cells(row, row.milliseconds)[:-1])}")
    print((options.output / "table.md").read_text(encoding="utf-8"))


def describe_settings(
    options: argparse.Namespace, pictures: Sequence[AnnotatedPicture]
) -> dict[str, Any]:
    """Describe what the figures depend on besides the detectors."""
    from detector.evaluation.evaluate import annotation_checksum
    from examples.maintenance.compare_models import describe_device

    return {
        "pictures": len(pictures),
        "masks": sum(len(picture.masks) for picture in pictures),
        "unmasked": sum(not picture.masks for picture in pictures),
        "checksum_of_annotations": annotation_checksum(pictures),
        "confidence": options.confidence,
        "min_width": options.min_width,
        "timed": options.timed,
        "threads": options.threads,
        "device": describe_device(options.device, options.threads),
    }


if __name__ == "__main__":
    main()
