"""Makes a report of a measured detector: tables, a plot, and a sheet of its errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from detector.data.annotations import AnnotatedPicture
from detector.evaluation.outcomes import PictureOutcome
from detector.evaluation.report import DetectionReport
from inpainter.evaluation.picture_sheet import SheetRow
from inpainter.evaluation.statistics import bootstrap_mean
from pipeline.evaluation.document import Cell, Document, Picture, Table, cells
from pipeline.evaluation.outlines import outlined
from pipeline.evaluation.plots import NO_PLOTS, can_plot, plot_precision_recall
from pipeline.evaluation.writing import csv_text
from weights.base.contracts import Hole, Image, Mask
from weights.base.json_text import json_values
from weights.base.protocols import Detector
from weights.base.regions import MaskRegion

DETECTION_FILES: Final = ("masks.csv", "pictures.csv")
"""The CSV files of a detection report: a line per true mask, and a line per picture."""

CELL: Final = 384
"""Side of the pictures on a sheet of detections, in pixels."""


def worst_detections(
    report: DetectionReport,
    pictures: Sequence[AnnotatedPicture],
    detector: Detector,
    refinements: Mapping[str, Callable[[Image, Sequence[MaskRegion]], Sequence[Hole]]],
    count: int,
) -> list[SheetRow]:
    """Draw detections on the most informative pictures.

    Pictures with missed or false masks come first, then those with the worst mask outlines. True
    masks have thick green outlines, detected masks and holes thin red ones.

    Args:
        report: of these pictures.
        pictures: the measured ones, in the report's order.
        detector: run again on the pictures shown.
        refinements: as for `detector.evaluation.evaluate.evaluate_detector`.
        count: maximum number of rows.

    Raises:
        InputError: a picture cannot be read.
    """
    overlaps: dict[str, float] = {}
    for mask in report.masks:
        overlap = min(mask.iou.values(), default=0.0)
        overlaps[mask.file] = min(overlap, overlaps.get(mask.file, 1.0))

    def badness(index: int) -> tuple[int, float]:
        outcome = report.outcomes[index]
        errors = outcome.drawn - outcome.found + outcome.false
        return -errors, overlaps.get(outcome.file, 1.0)

    rows = []
    for index in sorted(range(len(pictures)), key=badness)[:count]:
        picture = pictures[index]
        image = picture.load()
        regions = [
            region for region in detector.detect([image])[0] if region.score >= report.confidence
        ]
        drawn = [mask.draw((image.shape[0], image.shape[1])) for mask in picture.masks]
        found: dict[str, Sequence[Mask]] = {"found": [region.mask for region in regions]}
        found |= {name: refine(image, regions) for name, refine in refinements.items()}
        shown = {name: outlined(image, drawn, masks, CELL) for name, masks in found.items()}
        outcome = report.outcomes[index]
        caption = (
            f"{picture.file.name}: {outcome.found} of {outcome.drawn} masks found, "
            f"{outcome.false} falsely; {', '.join(f'{r.score:.2f}' for r in regions) or 'nothing'}"
        )
        rows.append(
            SheetRow(picture.file.name, {"picture": outlined(image, side=CELL), **shown}, caption)
        )
    return rows


def detection_document(
    report: DetectionReport, configuration: Mapping[str, Any], sheets: Sequence[Picture] = ()
) -> Document:
    """Make the report of a detector.

    Args:
        report: the figures.
        configuration: settings of the measurement.
        sheets: pictures at the end.
    """
    lead = [
        f"{report.pictures} pictures, {report.drawn} masks of {report.min_width:g} px and wider; "
        f"{report.ignored} smaller ones count neither way. Intervals are 95 % bootstrap intervals "
        f"over masks or pictures; checksum of the annotations {report.checksum[:16]}."
    ]
    parts: list[Table | Picture] = [_finding(report), _refinement(report)]
    if report.unmasked_pictures:
        parts.append(_unmasked(report))
    if can_plot():
        if report.drawn:
            parts.append(_plot(report))
    else:
        lead.append(NO_PLOTS)
    parts += _groups(report)
    facts = {**configuration, "checksum of the annotations": report.checksum}
    return Document("Detection, measured", tuple(lead), facts, (*parts, *sheets))


def _share(values: Sequence[float], decimals: int = 3) -> str:
    return bootstrap_mean(values).text(decimals)


def _plain(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"


def _finding(report: DetectionReport) -> Table:
    hits = [float(mask.found) for mask in report.masks]
    right = sum(outcome.found for outcome in report.outcomes)
    wrong = sum(outcome.false for outcome in report.outcomes)
    precision = [1.0] * right + [0.0] * wrong
    rows = [
        cells("recall at IoU 0.5", _share(hits), _plain(report.box_recall)),
        cells("precision at IoU 0.5", _share(precision), _plain(report.box_precision)),
        cells("AP50", _plain(report.ap50), _plain(report.box_ap50)),
        cells("AP50-95", _plain(report.ap), _plain(report.box_ap)),
    ]
    return Table(
        "Masks found",
        (f"at a score of {report.confidence:g} and more", "mask", "box"),
        tuple(rows),
        note="Average precision takes every score.",
    )


def _refinement(report: DetectionReport) -> Table:
    """The detected masks before and after refinement, side by side."""
    names = list(report.quality)
    found = [mask for mask in report.masks if mask.found]
    # Title, metric, scale, which is best, and decimals.
    figures = (
        ("IoU", "iou", 1.0, max, 3),
        ("boundary F-score", "boundary_f", 1.0, max, 3),
        ("residual: mask pixels left", "residual", 1.0, min, 4),
        ("excess: pixels beyond the mask", "excess", 1.0, min, 3),
        ("of them within a twelfth of its width", "beyond", 1.0, min, 3),
        ("boundary error in % of the width", "boundary_error", 100.0, min, 2),
    )
    rows = []
    for title, figure, factor, pick, decimals in figures:
        values = [getattr(mask, figure) for mask in found]
        estimates = {
            name: bootstrap_mean(factor * value[name] for value in values) for name in names
        }
        known = {name: one.mean for name, one in estimates.items() if one.count}
        best = pick(known, key=known.__getitem__) if len(known) > 1 else None
        row = [Cell(estimates[name].text(decimals), name == best) for name in names]
        rows.append((Cell(title), *row))
    heading = ["before refinement" if name == "detector" else name for name in names]
    return Table(
        "Before and after refinement",
        ("of the found masks", *heading),
        tuple(rows),
        note="Residual and excess are shares of the drawn mask's pixels. A refiner grows holes on "
        "purpose: less of the mask is left, and overlap and boundary agree less.",
    )


def _unmasked(report: DetectionReport) -> Table:
    names = list(report.quality)
    unmasked = [outcome for outcome in report.outcomes if outcome.unmasked]
    sets: dict[str, list[PictureOutcome]] = {}
    for outcome in unmasked:
        if outcome.set_name:
            sets.setdefault(outcome.set_name, []).append(outcome)
    groups = list(sets.items())
    if len(sets) != 1:
        groups = [("all", unmasked), *groups]
    rows = [
        cells(
            group,
            str(len(own)),
            *(_share([float(outcome.changed[name]) for outcome in own], 4) for name in names),
        )
        for group, own in groups
    ]
    heading = ("set", "pictures", *(f"changed, {name}" for name in names))
    return Table("Pictures without masks", heading, tuple(rows))


def _plot(report: DetectionReport) -> Picture:
    curves = {"mask": report.curve, "box": report.box_curve}
    points = {
        "mask": (report.recall, report.precision),
        "box": (report.box_recall, report.box_precision),
    }
    note = f"At IoU 0.5; the dots are at a score of {report.confidence:g}."
    data = plot_precision_recall(curves, points)
    return Picture("Precision and recall", "plots/precision_recall.png", data, note)


def _groups(report: DetectionReport) -> list[Table]:
    names = list(report.quality)
    kinds: dict[str, list[tuple[Cell, ...]]] = {}
    for group in report.groups():
        found = [mask for mask in group.masks if mask.found]
        row = [group.name, str(len(group.masks))]
        row.append(_share([float(mask.found) for mask in group.masks]))
        for figure, decimals in (("iou", 3), ("residual", 4), ("beyond", 3)):
            values = [getattr(mask, figure) for mask in found]
            row += [_share([value[name] for value in values], decimals) for name in names]
        kinds.setdefault(group.kind, []).append(cells(*row))
    titles = ("IoU", "residual", "beyond")
    heading = ("masks", "recall", *(f"{title}, {name}" for title in titles for name in names))
    return [Table(f"By {kind}", (kind, *heading), tuple(rows)) for kind, rows in kinds.items()]


def detection_summary(report: DetectionReport, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The report as plain values for JSON."""
    groups: dict[str, dict[str, Any]] = {}
    for group in report.groups():
        entry: dict[str, Any] = {"masks": len(group.masks), "recall": group.recall}
        for name in report.quality:
            # A group without detections has no overlap, and JSON no NaN.
            figures = ("iou", "residual", "beyond")
            entry[name] = json_values({figure: getattr(group, figure)(name) for figure in figures})
        groups.setdefault(group.kind, {})[group.name] = entry
    summary = {"stage": "detector", "configuration": dict(configuration), **report.to_dict()}
    return {**summary, "groups": groups}


def masks_csv(report: DetectionReport) -> str:
    """Write one line per true mask that counts; cells are empty if it was not found."""
    names = list(report.quality)
    figures = ("iou", "residual", "boundary_f", "excess", "beyond", "boundary_error", "straps")
    rows = []
    for outcome in report.masks:
        row: list[Any] = [outcome.set_name, outcome.file, outcome.index, outcome.label]
        row += [f"{outcome.width:.1f}", int(outcome.found), f"{outcome.score:.4f}"]
        for figure in figures:
            values = getattr(outcome, figure)
            row += [f"{values[name]:.4f}" if name in values else "" for name in names]
        rows.append(row)
    heading = ["set", "file", "mask", "kind", "width", "found", "score"]
    heading += [f"{figure} {name}" for figure in figures for name in names]
    return csv_text(heading, rows)


def pictures_csv(report: DetectionReport) -> str:
    """Write one line per picture: number of true, found and false masks, and what was changed."""
    names = list(report.unmasked_changed)
    rows = [
        [
            outcome.set_name,
            outcome.file,
            int(outcome.unmasked),
            outcome.drawn,
            outcome.found,
            outcome.false,
            *(int(outcome.changed[name]) for name in names),
        ]
        for outcome in report.outcomes
    ]
    heading = ["set", "file", "unmasked", "drawn", "found", "false"]
    return csv_text(heading + [f"changed {name}" for name in names], rows)
