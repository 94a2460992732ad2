"""Writing down how a detector did: tables, and a sheet on which its errors can be seen."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from inpainter.picture_sheet import SheetRow, draw_sheet
from weights.atomic import atomic_path
from weights.errors import OutputError
from weights.provenance import make_mark, save_marked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from detector.annotations import AnnotatedPicture
    from detector.evaluation import DetectionReport
    from detector.regions import MaskRegion
    from pipeline.protocols import Detector
    from weights.contracts import Hole, Image, Mask

_GREEN, _RED = (0, 220, 0), (255, 0, 0)
_CELL = 384


def draw_detections(
    report: DetectionReport,
    pictures: Sequence[AnnotatedPicture],
    detector: Detector,
    refinements: Mapping[str, Callable[[Image, Sequence[MaskRegion]], Sequence[Hole]]],
    count: int,
) -> list[SheetRow]:
    """Draw what was found on the pictures that have most to tell.

    Pictures with missed or false masks come first, then those without error; equal ones in the
    order of the set. Drawn masks are outlined broadly in green, found
    masks and holes finely in red.

    Args:
        report: of these pictures.
        pictures: those that were measured, in the report's order.
        detector: finds the masks once more, on the shown pictures only.
        refinements: as for `detector.evaluation.evaluate_detector`.
        count: most rows.

    Raises:
        InputError: a picture cannot be read.
    """
    errors = [outcome.drawn - outcome.found + outcome.false for outcome in report.outcomes]
    order = sorted(range(len(pictures)), key=lambda index: -errors[index])
    rows = []
    for index in order[:count]:
        picture = pictures[index]
        image = picture.load()
        regions = [
            region for region in detector.detect([image])[0] if region.score >= report.confidence
        ]
        scale = _CELL / max(image.shape[:2])
        drawn = [mask.draw((image.shape[0], image.shape[1])) for mask in picture.masks]
        found: dict[str, Sequence[Mask]] = {"found": [region.mask for region in regions]}
        found |= {name: refine(image, regions) for name, refine in refinements.items()}
        cells = {
            name: _outlined(image, [(drawn, _GREEN), (masks, _RED)], scale)
            for name, masks in found.items()
        }
        rows.append(SheetRow(picture.file.name, {"picture": _outlined(image, [], scale), **cells}))
    return rows


def _outlined(
    image: Image, layers: Sequence[tuple[Sequence[Mask], tuple[int, int, int]]], scale: float
) -> Image:
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    canvas = np.array(cv2.resize(image, size, interpolation=way), np.uint8)
    # The first layer is drawn broader, so that it shows where the second covers it.
    for (masks, colour), thickness in zip(layers, (3, 1), strict=False):
        for mask in masks:
            small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
            outlines, _ = cv2.findContours(small, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, outlines, -1, colour, thickness)
    return canvas


def detection_markdown(report: DetectionReport, configuration: Mapping[str, Any]) -> str:
    """Write a report as Markdown tables: all figures, recall by width and by tag."""
    lines = ["# Detection, measured", ""]
    lines += [f"- {key}: {value}" for key, value in configuration.items()]
    lines += ["", "| | |", "|---|---:|"]
    lines += [f"| {what} | {value} |" for what, value in report.table_rows()]
    for heading, groups in (
        ("width of the mask", report.recall_by_width()),
        ("tag of the picture", report.recall_by_tag()),
    ):
        if groups:
            lines += ["", f"| {heading} | masks | recall |", "|---|---:|---:|"]
            lines += [
                f"| {name} | {count} | {share:.3f} |" for name, (count, share) in groups.items()
            ]
    return "\n".join(lines) + "\n"


def masks_csv(report: DetectionReport) -> str:
    """Write one line per drawn mask that counts; empty cells where it was not found."""
    names = list(report.quality)
    rows = [
        [
            outcome.file,
            outcome.index,
            f"{outcome.width:.1f}",
            int(outcome.found),
            f"{outcome.score:.4f}",
            *(f"{outcome.iou[name]:.4f}" if name in outcome.iou else "" for name in names),
            *(
                f"{outcome.residual[name]:.4f}" if name in outcome.residual else ""
                for name in names
            ),
        ]
        for outcome in report.masks
    ]
    heading = ["file", "mask", "width", "found", "score"]
    heading += [f"iou {name}" for name in names] + [f"residual {name}" for name in names]
    return _csv(heading, rows)


def pictures_csv(report: DetectionReport) -> str:
    """Write one line per picture: how many masks are drawn, found and false, what is changed."""
    names = list(report.unmasked_changed)
    rows = [
        [
            outcome.file,
            int(outcome.unmasked),
            outcome.drawn,
            outcome.found,
            outcome.false,
            *(int(outcome.changed[name]) for name in names),
        ]
        for outcome in report.outcomes
    ]
    heading = ["file", "unmasked", "drawn", "found", "false"]
    return _csv(heading + [f"changed {name}" for name in names], rows)


def _csv(heading: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(rows)
    return text.getvalue()


def write_detection_report(
    report: DetectionReport,
    folder: str | Path,
    *,
    configuration: Mapping[str, Any],
    sheet: Sequence[SheetRow] = (),
    overwrite: bool = False,
) -> list[Path]:
    """Write report.md, report.json, masks.csv, pictures.csv and, where there are rows, sheet.png.

    Args:
        report: the figures.
        folder: where to; made where it is missing.
        configuration: what was measured with which settings; goes into the files as it is.
        sheet: rows of pictures.
        overwrite: whether files that exist are replaced.

    Returns:
        The written files.

    Raises:
        OutputError: a file exists and `overwrite` is False (found before anything is written), or
            cannot be written.
    """
    root = Path(folder)
    summary = {"configuration": dict(configuration), **report.to_dict()}
    texts = {
        "report.md": detection_markdown(report, configuration),
        "report.json": json.dumps(summary, indent=2, ensure_ascii=False) + "\n",
        "masks.csv": masks_csv(report),
        "pictures.csv": pictures_csv(report),
    }
    names = [*texts, *(["sheet.png"] if sheet else [])]
    for name in names:
        if (root / name).exists() and not overwrite:
            raise OutputError(f"{root / name} exists already and is not overwritten unless asked.")
    for name, text in texts.items():
        with atomic_path(root / name, overwrite=overwrite) as path:
            path.write_text(text, encoding="utf-8")
    if sheet:
        with atomic_path(root / "sheet.png", overwrite=overwrite) as path:
            save_marked(draw_sheet(sheet, _CELL), path, make_mark())
    return [root / name for name in names]
