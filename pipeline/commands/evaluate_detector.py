"""`unmask evaluate detector`: mask detection on annotated pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.command_options import command_options
from pipeline.commands.evaluation_options import read_stages
from pipeline.commands.measured_report import ReportOptions, measured_report

if TYPE_CHECKING:
    from detector.evaluation.report import DetectionReport
    from pipeline.commands.measured_report import MeasuredReport
    from pipeline.evaluation.document import Picture
    from pipeline.evaluation.surroundings import UsedWeights
    from weights.base.protocols import Detector

LEAST_CONFIDENCE = 0.01
"""Confidence threshold of YOLO while it is measured."""


@dataclass(frozen=True)
class DetectorOptions:
    """The detector to measure.

    Attributes:
        weights: default, a name of the catalog, or a .safetensors file.
        detector: A detector other than YOLO: a registered name or package.module:Class.
        image_size: Input side of YOLO.
        confirmation: Weights of the network that verifies each of YOLO's detections, as for
            --weights; 'none' measures YOLO alone.
    """

    weights: str = "default"
    detector: Annotated[str | None, typer.Option(show_default="yolo")] = None
    image_size: Annotated[int, typer.Option(min=32)] = 640
    confirmation: str = "default"

    def make(self, device: str) -> Detector:
        """Make the detector.

        Raises:
            ConfigurationError, WeightsError: as `create_stage`.
        """
        from pipeline.stages.registry import create_stage

        specification: Any = self.detector or "yolo"
        if specification == "yolo":
            # Average precision needs low-scoring regions too.
            specification = {
                "name": "yolo",
                "weights": self.weights,
                "confidence": LEAST_CONFIDENCE,
                "image_size": self.image_size,
                "confirmation": None if self.confirmation == "none" else self.confirmation,
            }
        return create_stage("detector", specification, device=device)


@command_options
def evaluate_detector(
    sets: Annotated[list[Path], typer.Argument(metavar="SET")],
    options: ReportOptions,
    chosen: DetectorOptions,
    refiners: str = "morphology",
    confidence: Annotated[float, typer.Option(min=0.01, max=1.0)] = 0.25,
    min_width: Annotated[float, typer.Option(min=0.0)] = 60.0,
    part: str = "val",
    batch: Annotated[int, typer.Option(min=1)] = 8,
    sheet: Annotated[int, typer.Option(min=0)] = 20,
) -> None:
    r"""Measure a detector, and refiners applied to its masks, on annotated pictures.

    Reports precision, recall and average precision, outline quality before and
    after refinement, how much of the masks is left, and the fraction of
    pictures without masks that would be changed; by set, mask width, mask kind
    and tag.

    Args:
        sets: Annotated sets, measured together: .jsonl files with mask outlines, a data.yaml from
            `unmask synthesize`, or a folder of faces with landmarks, on 200 of which masks are
            drawn.
        options: Where the report goes.
        chosen: The detector to measure.
        refiners: Refiners, separated by commas, measured in addition to the detector's own masks.
            Or YAML with options: '\[morphology, {name: morphology, growth: 0}]'.
        confidence: Minimum score of a detected mask.
        min_width: Masks narrower than this, in pixels, do not count.
        part: Part of a data.yaml, or of the faces.
        batch: Pictures per detector batch.
        sheet: Pictures on the sheet; those with errors come first.
    """
    from pipeline.evaluation.detection import DETECTION_FILES
    from pipeline.evaluation.writing import DOCUMENT_FILES, refuse_existing

    refuse_existing(
        options.output, (*DOCUMENT_FILES, *DETECTION_FILES), overwrite=options.overwrite
    )

    from detector.evaluation import evaluate
    from pipeline.evaluation.annotated_sets import read_annotated_set
    from pipeline.evaluation.detection import CELL, worst_detections
    from pipeline.evaluation.surroundings import used_weights
    from pipeline.evaluation.writing import sheet_picture
    from pipeline.stages.registry import create_stage

    annotated = [read_annotated_set(one, part) for one in sets]
    pictures = [picture for one in annotated for picture in one]
    finder = chosen.make(options.device)
    refinements = {
        label: create_stage("refiner", stage, device=options.device).refine
        for label, stage in read_stages(refiners, "--refiners").items()
    }
    used = {
        "detector": used_weights(finder, "detector"),
        "confirmation": used_weights(getattr(finder, "confirmation", None), "confirmation"),
    }
    settings = {
        "sets": ", ".join(str(one) for one in sets),
        "part": part,
        "detector": chosen.detector or "yolo",
        "weights": chosen.weights,
        "weights used": str(used["detector"] or "none"),
        "confirmation used": str(used["confirmation"] or "none"),
        "confidence": confidence,
        "min_width": min_width,
        "image_size": chosen.image_size,
        "confirmation": chosen.confirmation,
        "refiners": refiners,
    }
    with measured_report(options, settings, len(pictures)) as measured:
        report = evaluate.evaluate_detector(
            finder,
            pictures,
            refinements=refinements,
            confidence=confidence,
            min_width=min_width,
            batch=batch,
            sets=[
                label for label, one in zip(_set_labels(sets), annotated, strict=True) for _ in one
            ],
            **_resumed(measured),
        )
    sheets = []
    if sheet:
        rows = worst_detections(report, pictures, finder, refinements, sheet)
        note = "Annotated masks are outlined in thick green, detected masks and holes in thin red."
        sheets = [sheet_picture("Worst cases", "worst.jpg", rows, cell=CELL, note=note)]
    _write(measured, report, sheets, used)


def _resumed(measured: MeasuredReport) -> dict[str, Any]:
    """Arguments that make a measurement resume an interrupted one."""
    from detector.evaluation.outcomes import PictureMeasurement

    return {
        "known": {
            int(line["index"]): PictureMeasurement.from_dict(line["measured"])
            for line in measured.kept.lines
        },
        "keep": lambda index, one: measured.kept.append(
            {"index": index, "measured": one.to_dict()}
        ),
        "progress": lambda done, _: measured.advance(done),
    }


def _write(
    measured: MeasuredReport,
    report: DetectionReport,
    sheets: list[Picture],
    used: dict[str, UsedWeights | None],
) -> None:
    """Write the report and print it."""
    from pipeline.evaluation.detection import (
        detection_document,
        detection_summary,
        masks_csv,
        pictures_csv,
    )

    def print_figures() -> None:
        for what, value in report.table_rows():
            typer.echo(f"{what:<55}{value:>8}")

    measured.write(
        detection_document(report, {**measured.configuration, **measured.run}, sheets),
        detection_summary(report, measured.configuration),
        {"masks.csv": masks_csv(report), "pictures.csv": pictures_csv(report)},
        used,
        print_figures=print_figures,
    )


def _set_labels(sets: list[Path]) -> list[str]:
    """A short name for each set: its file's, with its folder's where two are the same."""
    stems = [one.stem for one in sets]
    return [
        stem if stems.count(stem) == 1 else f"{one.parent.name}/{stem}"
        for stem, one in zip(stems, sets, strict=True)
    ]
