"""`unmask evaluate detector`: finding masks on annotated pictures."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated, Any, Optional

import typer

from pipeline.commands.evaluation_options import (
    AsJson,
    Device,
    Output,
    Overwrite,
    read_stages,
)
from pipeline.commands.measured_report import measured_report

LEAST_CONFIDENCE = 0.01
"""Score down to which YOLO is asked for regions when it is measured."""


def evaluate_detector(
    sets: Annotated[
        list[Path],
        typer.Argument(
            metavar="SET",
            help="Annotated sets, measured together: .jsonl files with outlines of masks, a "
            "data.yaml as `unmask synthesize` writes it, or a folder of faces with landmarks, on "
            "200 of which masks are drawn.",
            show_default=False,
        ),
    ],
    output: Output,
    weights: Annotated[
        str, typer.Option(help="default, a name of the catalog, or a .safetensors file.")
    ] = "default",
    detector: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            help="Another detector than YOLO: a registered name or package.module:Class.",
            show_default="yolo",
        ),
    ] = None,
    refiners: Annotated[
        str,
        typer.Option(
            help="Refiners, separated by commas, measured beside the detector's own masks. Or YAML "
            "with options: '\\[morphology, {name: morphology, growth: 0}]'."
        ),
    ] = "morphology",
    confidence: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Least score of a found mask.")
    ] = 0.25,
    min_width: Annotated[
        float, typer.Option(min=0.0, help="Masks narrower than this do not count, in pixels.")
    ] = 60.0,
    image_size: Annotated[int, typer.Option(min=32, help="Side at which YOLO works.")] = 640,
    confirmation: Annotated[
        str,
        typer.Option(
            help="Weights of the network that looks at each of YOLO's finds again, as for "
            "--weights; 'none' measures YOLO alone."
        ),
    ] = "default",
    part: Annotated[str, typer.Option(help="Part of a data.yaml, or of the faces.")] = "val",
    batch: Annotated[int, typer.Option(min=1, help="Pictures given to the detector at once.")] = 8,
    sheet: Annotated[
        int, typer.Option(min=0, help="Pictures on the sheet; those with errors come first.")
    ] = 20,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure a detector, and what refiners make of its masks, on annotated pictures.

    Reports precision, recall and average precision, the quality of the
    outlines before and after refinement, what is left of the masks, and the
    share of the pictures without masks that would be changed; by set, width
    and kind of mask and tag.
    """
    from pipeline.evaluation.detection import DETECTION_FILES
    from pipeline.evaluation.writing import DOCUMENT_FILES, refuse_existing

    refuse_existing(output, (*DOCUMENT_FILES, *DETECTION_FILES), overwrite=overwrite)

    from detector.evaluation import evaluate
    from pipeline.evaluation.annotated_sets import read_annotated_set
    from pipeline.evaluation.detection import (
        CELL,
        detection_document,
        detection_summary,
        masks_csv,
        pictures_csv,
        worst_detections,
    )
    from pipeline.evaluation.surroundings import used_weights
    from pipeline.evaluation.writing import sheet_picture
    from pipeline.stages.registry import create_stage

    labels = _set_labels(sets)
    labelled = [
        (label, picture)
        for label, one in zip(labels, sets, strict=True)
        for picture in read_annotated_set(one, part)
    ]
    pictures = [picture for _, picture in labelled]
    specification: Any = detector or "yolo"
    if specification == "yolo":
        # Average precision asks for regions of low score too.
        specification = {
            "name": "yolo",
            "weights": weights,
            "confidence": LEAST_CONFIDENCE,
            "image_size": image_size,
            "confirmation": None if confirmation == "none" else confirmation,
        }
    finder = create_stage("detector", specification, device=device)
    refinements = {
        label: create_stage("refiner", stage, device=device).refine
        for label, stage in read_stages(refiners, "--refiners").items()
    }
    used = {
        "detector": used_weights(finder, "detector"),
        "confirmation": used_weights(getattr(finder, "confirmation", None), "confirmation"),
    }
    settings = {
        "sets": ", ".join(str(one) for one in sets),
        "part": part,
        "detector": detector or "yolo",
        "weights": weights,
        "weights used": str(used["detector"] or "none"),
        "confirmation used": str(used["confirmation"] or "none"),
        "confidence": confidence,
        "min_width": min_width,
        "image_size": image_size,
        "confirmation": confirmation,
        "refiners": refiners,
    }
    with measured_report(
        output, settings, len(pictures), device=device, overwrite=overwrite
    ) as measured:
        report = evaluate.evaluate_detector(
            finder,
            pictures,
            refinements=refinements,
            confidence=confidence,
            min_width=min_width,
            batch=batch,
            sets=[label for label, _ in labelled],
            known={
                int(line["index"]): evaluate.PictureMeasurement.from_dict(line["measured"])
                for line in measured.kept.lines
            },
            keep=lambda index, one: measured.kept.append(
                {"index": index, "measured": one.to_dict()}
            ),
            progress=lambda done, _: measured.advance(done),
        )
    sheets = []
    if sheet:
        rows = worst_detections(report, pictures, finder, refinements, sheet)
        note = "Drawn masks are outlined broadly in green, found masks and holes finely in red."
        sheets = [sheet_picture("Worst cases", "worst.jpg", rows, cell=CELL, note=note)]
    measured.write(
        detection_document(report, {**measured.configuration, **measured.run}, sheets),
        detection_summary(report, measured.configuration),
        {"masks.csv": masks_csv(report), "pictures.csv": pictures_csv(report)},
        {stage: one for stage, one in used.items() if one is not None},
        overwrite=overwrite,
        as_json=as_json,
        print_figures=lambda: _print_rows(report.table_rows()),
    )


def _print_rows(rows: list[tuple[str, str]]) -> None:
    for what, value in rows:
        typer.echo(f"{what:<55}{value:>8}")


def _set_labels(sets: list[Path]) -> list[str]:
    """A short name for each set: its file's, with its folder's where two are alike."""
    stems = [one.stem for one in sets]
    return [
        stem if stems.count(stem) == 1 else f"{one.parent.name}/{stem}"
        for stem, one in zip(stems, sets, strict=True)
    ]
