"""Set detectors side by side: how well each finds masks, and how long it takes.

`python -m examples.maintenance.compare_detectors gold.jsonl negatives.jsonl --detector
nano=nano.safetensors
--image-size 320,480,640 --confirmation none,default --output runs/detectors`

Each detector is measured at each size, and with each second look, on the same annotated pictures.
The table tells the recall beside the milliseconds that a picture takes on a CPU; the plot shows
which choices are worth their time. With `--train` several architectures are first trained on the
same data for the same time. A comparison that was stopped goes on, row by row, by the same command;
so does one to which a detector or a size is added.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import math
import statistics
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detector import evaluate_detector, train_detector
from detector.find.architecture import ARCHITECTURES
from detector.find.verifier_file import describe_verifier
from detector.find.weight_file import describe_detector
from pipeline.evaluation.annotated_sets import read_annotated_set
from pipeline.evaluation.document import Table, markdown_table
from pipeline.evaluation.document import cells as as_cells
from pipeline.evaluation.plots import COLOURS, can_plot
from pipeline.evaluation.writing import csv_text
from pipeline.stages.registry import create_stage
from weights.base.atomic import write_whole
from weights.base.errors import InputError
from weights.base.names import unknown_name
from weights.base.training_command import read_changes
from weights.catalog.digest import file_sha256
from weights.catalog.lookup import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detector.data.annotations import AnnotatedPicture
    from weights.base.contracts import Image
    from weights.base.protocols import Detector

NO_LOOK = "none"
LEAST_CONFIDENCE = 0.01
"""Score down to which regions are asked for when a detector is measured, for its precision."""

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
    """One way to find masks.

    Attributes:
        name: of the detector.
        weights: its file.
        size: side of the square that pictures are fitted into, pixels.
        look: weights of the network that looks at each find again, or "none".
    """

    name: str
    weights: Path
    size: int
    look: str

    @cached_property
    def files(self) -> tuple[str, ...]:
        """SHA-256 of the weights of the detector and of its second look."""
        looks = [] if self.look == NO_LOOK else [resolve(self.look, "confirmation")]
        return tuple(file_sha256(file) for file in (self.weights, *looks))

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
    """What was measured of one choice; shares are from 0 to 1, None of nothing.

    Attributes:
        name: of the detector.
        parameters: trained numbers of all its networks.
        size: side of the square that pictures are fitted into, pixels.
        look: weights of the second look, or "none".
        precision, recall: of masks at IoU 0.5.
        ap50: average precision of masks at IoU 0.5.
        iou: mean intersection over union of the found masks, before they are refined.
        changed: share of the pictures without masks on which something is found.
        milliseconds: of one picture, the median of warm runs.
        files: SHA-256 of the weights of the detector and of its second look.
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
    files: tuple[str, ...]


def measure_choice(
    choice: Choice,
    pictures: Sequence[AnnotatedPicture],
    timed: Sequence[Image],
    options: argparse.Namespace,
) -> Row:
    """Measure one choice on all pictures, and time it on some."""
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
        choice.files,
    )


def milliseconds_a_picture(detector: Detector, pictures: Sequence[Image], runs: int) -> float:
    """Time a detector on pictures given one by one: the median of some runs after a first one."""
    taken = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        for picture in pictures:
            detector.detect([picture])
        taken.append(1000.0 * (time.perf_counter() - began) / len(pictures))
    return statistics.median(taken[1:])


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def train_architectures(options: argparse.Namespace) -> dict[str, Path]:
    """Train each architecture for the same time on the same data; finished ones stay as they are.

    Returns:
        The weight file of each.
    """
    trained = {}
    for name in options.train:
        print(f"{name}: {options.minutes:g} minutes", flush=True)
        run = train_detector(
            options.data,
            options.output / "runs" / name,
            recipe=options.config,
            architecture=name,
            changes=read_changes(options.set),
            device=options.device,
            threads=options.threads,
            time_budget_minutes=options.minutes,
        )
        print(f"{name}: {run.epochs} epochs in {run.seconds / 60.0:.1f} minutes", flush=True)
        trained[name] = run.weights
    return trained


def choices_of(options: argparse.Namespace) -> list[Choice]:
    """List every detector at every size with every second look; train those that are to be.

    Raises:
        InputError: there is no detector, two have one name, or one is not NAME=WEIGHTS.
        ConfigurationError: an architecture to train is unknown.
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
    for architecture in options.train:
        if architecture not in ARCHITECTURES:
            raise unknown_name("detector architecture", architecture, ARCHITECTURES)
        if architecture in named:
            raise InputError(f"There are two detectors {architecture!r}: name the given one anew.")
    if options.train and options.data is None:
        raise InputError("--train needs --data, the data.yaml of what to train on.")
    if not named and not options.train:
        raise InputError("There is nothing to compare: give --detector NAME=WEIGHTS or --train.")
    named |= train_architectures(options)
    combinations = itertools.product(named.items(), options.image_size, options.confirmation)
    return [Choice(name, weights, size, look) for (name, weights), size, look in combinations]


def timed_pictures(pictures: Sequence[AnnotatedPicture], count: int) -> list[Image]:
    """Load some of the pictures, evenly spread."""
    at = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)
    return [pictures[index].load() for index in dict.fromkeys(at.tolist())]


def read_rows(path: Path, settings: dict[str, Any], *, overwrite: bool) -> list[Row]:
    """Read the rows that an earlier call measured with the same settings.

    Raises:
        InputError: it had other settings, and `overwrite` is False.
    """
    if not path.is_file():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    differing = [key for key in settings if content["settings"].get(key) != settings[key]]
    if differing and not overwrite:
        raise InputError(
            f"{path} was measured with another {differing[0].replace('_', ' ')}: choose another "
            "folder, or measure anew with --overwrite."
        )
    rows = [] if differing else content["rows"]
    return [Row(**{**row, "files": tuple(row["files"])}) for row in rows]


def cells(row: Row, fastest: float) -> list[str]:
    """Write a row as texts, under `HEADINGS`."""
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
    """Write table.md, table.csv, table.json and, where it can be drawn, scatter.png."""
    names = list(dict.fromkeys(row.name for row in rows))
    rows = sorted(rows, key=lambda row: (names.index(row.name), row.size, row.look != NO_LOOK))
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
    write_whole(folder / "table.md", "\n\n".join(text) + "\n", overwrite=True)
    write_whole(folder / "table.csv", csv_text(HEADINGS, lines), overwrite=True)
    write_whole(folder / "table.json", json.dumps(content, indent=2) + "\n", overwrite=True)
    if can_plot() and any(row.recall is not None for row in rows):
        write_whole(folder / "scatter.png", draw_scatter(rows), overwrite=True)


def draw_scatter(rows: Sequence[Row]) -> bytes:
    """Draw recall over time as PNG: a line for each detector and look, a point for each size."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    figure = Figure(figsize=(7.2, 4.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.add_subplot()
    names = list(dict.fromkeys(row.name for row in rows))
    looks = list(dict.fromkeys(row.look for row in rows))
    for name, look in itertools.product(names, looks):
        own = [
            (row.size, row.milliseconds, row.recall)
            for row in rows
            if (row.name, row.look) == (name, look) and row.recall is not None
        ]
        if not own:
            continue
        sizes, taken, recall = zip(*sorted(own), strict=True)
        number = looks.index(look)
        axis.plot(
            taken,
            recall,
            color=COLOURS[names.index(name) % len(COLOURS)],
            marker="os^Dv"[number % 5],
            linestyle=("-", "--", ":", "-.")[number % 4],
            label=name if look == NO_LOOK else f"{name}, second look {_short(look)}",
        )
        for size, x, y in zip(sizes, taken, recall, strict=True):
            axis.annotate(str(size), (x, y), textcoords="offset points", xytext=(6, 4), fontsize=8)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0, 7.0)))
    axis.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set(xlabel="milliseconds a picture", ylabel="recall at IoU 0.5")
    axis.grid(alpha=0.3, linewidth=0.6, which="both")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Compute with so many threads within the block."""
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
        "--detector", action="append", default=[], metavar="NAME=WEIGHTS", help="may be repeated"
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
    parser.add_argument("--overwrite", action="store_true", help="measure anew where it must be")
    parser.add_argument("--timed", type=int, default=24, help="pictures on which times are taken")
    parser.add_argument("--runs", type=int, default=3, help="timed runs over these pictures")
    parser.add_argument("--threads", type=int, default=2, help="threads of a CPU's arithmetic")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--train", type=names, default=[], help="architectures to train first")
    parser.add_argument("--data", type=Path, help="data.yaml to train them on")
    parser.add_argument("--minutes", type=float, default=10.0, help="training time of each")
    parser.add_argument("--config", default="auto", help="name or path of their recipe")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of it")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is to be trained, measure what is not measured yet, and write the tables."""
    options = build_parser().parse_args(arguments)
    choices = choices_of(options)
    pictures = [
        picture for one in options.sets for picture in read_annotated_set(one, options.part)
    ]
    settings = describe_settings(options, pictures)
    known = read_rows(options.output / "table.json", settings, overwrite=options.overwrite)
    timed = timed_pictures(pictures, options.timed)
    rows = {(row.name, row.size, row.look): row for row in known}
    with limited_threads(options.threads):
        for number, choice in enumerate(choices, start=1):
            key = (choice.name, choice.size, choice.look)
            row = rows.get(key)
            if row is None or row.files != choice.files:
                row = rows[key] = measure_choice(choice, pictures, timed, options)
                write_tables(list(rows.values()), settings, options.output)
            print(f"{number}/{len(choices)}: {' | '.join(cells(row, row.milliseconds)[:-1])}")
    write_tables(list(rows.values()), settings, options.output)
    print((options.output / "table.md").read_text(encoding="utf-8"))


def describe_settings(
    options: argparse.Namespace, pictures: Sequence[AnnotatedPicture]
) -> dict[str, Any]:
    """Say what the figures depend on, beside the detectors."""
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
