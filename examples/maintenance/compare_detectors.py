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
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from weights.base.json_text import json_values
from weights.base.protocols import Detector
from weights.catalog.lookup import resolve

FILES = ("table.md", "table.csv", "table.json")
NO_LOOK = "none"
LEAST_CONFIDENCE = 0.01
"""Minimum score of regions when evaluating a detector, low for the precision curve."""

SHARES = ("precision", "recall", "ap50", "iou", "changed")
"""Keys of a row in table.json for the five headings from precision on."""

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


def measure_choice(
    choice: tuple[str, Path, int, str],
    pictures: Sequence[AnnotatedPicture],
    timed: Sequence[Image],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Evaluate one configuration on all pictures, and time it on some.

    Args:
        choice: the detector's name, its weights, the side of its input in pixels, and the
            confirmation network, or `NO_LOOK`.
        pictures: what it is evaluated on.
        timed: what it is timed on.
        options: the command's options.

    Returns:
        A row of table.json; fractions are from 0 to 1, None if undefined.
    """
    name, weights, size, look = choice

    def detector(confidence: float) -> Detector:
        specification = {
            "name": "yolo",
            "weights": str(weights),
            "confidence": confidence,
            "image_size": size,
            "confirmation": None if look == NO_LOOK else look,
        }
        made: Detector = create_stage("detector", specification, device=options.device)
        return made

    report = evaluate_detector(
        detector(LEAST_CONFIDENCE),
        pictures,
        confidence=options.confidence,
        min_width=options.min_width,
    )
    parameters = describe_detector(weights).parameters
    if look != NO_LOOK:
        parameters += describe_verifier(resolve(look, "confirmation")).parameters
    shares = (
        report.precision,
        report.recall,
        report.ap50,
        report.quality["detector"].iou,
        report.unmasked_changed["detector"],
    )
    return {
        "name": name,
        "parameters": parameters,
        "size": size,
        "look": look,
        **{key: json_values(round(share, 4)) for key, share in zip(SHARES, shares, strict=True)},
        "milliseconds": milliseconds_a_picture(detector(options.confidence), timed, options.runs),
    }


def milliseconds_a_picture(detector: Detector, pictures: Sequence[Image], runs: int) -> float:
    """Time a detector on pictures one by one: the median of runs after a warm-up."""
    taken = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        for picture in pictures:
            detector.detect([picture])
        taken.append(1000.0 * (time.perf_counter() - began) / len(pictures))
    return statistics.median(taken[1:])


def choices_of(options: argparse.Namespace) -> list[tuple[str, Path, int, str]]:
    """List every detector at every size with every confirmation network, see `measure_choice`.

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
    return [(name, weights, size, look) for (name, weights), size, look in combinations]


def timed_pictures(pictures: Sequence[AnnotatedPicture], count: int) -> list[Image]:
    """Load some of the pictures, evenly spread."""
    at = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)
    return [pictures[index].load() for index in dict.fromkeys(at.tolist())]


def cells(row: Mapping[str, Any], fastest: float) -> list[str]:
    """Format a row for `HEADINGS`."""
    shares, milliseconds = [row[key] for key in SHARES], row["milliseconds"]
    return [
        row["name"],
        f"{row['parameters']:,}",
        str(row["size"]),
        Path(row["look"]).name.removesuffix(".safetensors"),
        *("-" if share is None else f"{share:.3f}" for share in shares),
        f"{milliseconds:.0f}" if milliseconds >= 10 else f"{milliseconds:.2f}",
        f"{milliseconds / fastest:.2f}",
    ]


def write_tables(
    rows: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], folder: Path
) -> None:
    """Write table.md, table.csv and table.json."""
    fastest = min(row["milliseconds"] for row in rows)
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
    content = json.dumps({"settings": settings, "rows": rows}, indent=2)
    texts = ("\n\n".join(text), csv_text(HEADINGS, lines), content)
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
            rows.append(row := measure_choice(choice, pictures, timed, options))
            write_tables(rows, settings, options.output)
            print(f"{len(rows)}/{len(choices)}: {' | '.join(cells(row, row['milliseconds'])[:-1])}")
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
