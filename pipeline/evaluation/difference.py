"""Compares two reports, or says why they cannot be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inpainter.evaluation.statistics import Estimate, bootstrap_mean, compare_paired
from pipeline.evaluation.comparison import p_text
from pipeline.evaluation.document import Document, Table, cells
from weights.base.errors import InputError
from weights.base.json_text import read_json

_CHECKSUMS: Final = ("checksum_of_holes", "checksum_of_annotations")
_SHAPING: Final = (
    "faces",
    "sets",
    "split",
    "part",
    "count",
    "size",
    "seed",
    "holes",
    "framing",
    "templates",
    "min_width",
)
"""Settings that determine the measured pictures and holes."""


@dataclass(frozen=True)
class StoredReport:
    """A report.json read from disk.

    Attributes:
        path: the file.
        stage: measured stage: "detector", "inpainter" or "pipeline".
        content: all of it.
    """

    path: Path
    stage: str
    content: Mapping[str, Any]

    @property
    def configuration(self) -> dict[str, Any]:
        """The settings of the measurement."""
        return dict(self.content.get("configuration") or {})

    @property
    def checksum(self) -> str:
        """Checksum of the holes or annotations; empty if the report has none."""
        found = (self.content.get(name) for name in _CHECKSUMS)
        return next((str(text) for text in found if text), "")


def read_report(path: Path) -> StoredReport:
    """Read a report.json.

    Raises:
        InputError: the file cannot be read, or is not a report of `unmask evaluate`.
    """
    content = read_json(path)
    stage = content.get("stage") if isinstance(content, dict) else None
    if stage not in ("detector", "inpainter", "pipeline"):
        raise InputError(
            f"{path} is not a report of 'unmask evaluate', or is from an older version: it does "
            "not say which stage was measured."
        )
    return StoredReport(path, stage, content)


def compare_reports(first: StoredReport, second: StoredReport) -> Document:
    """Compare two reports on their common cases.

    Systems of the same name are compared; if there are none, the first system of each report.

    Raises:
        InputError: they measured different stages, pictures or holes; the message says which
            settings differ.
    """
    _refuse_incomparable(first, second)
    tables = []
    if first.stage == "detector":
        tables.append(_detector_table(first, second))
    else:
        for system, other in _matched_systems(first, second):
            tables.append(_system_table((first, system), (second, other)))
    differing = _differing(first, second)
    lead = [
        f"A is {first.path}, B is {second.path}. Both measured the same cases, checksum "
        f"{first.checksum[:16]}. Differences are B minus A with 95 % bootstrap intervals; p is of "
        "Wilcoxon's signed-rank test, not adjusted for the number of tests."
    ]
    if differing:
        lead.append("They differ in " + "; ".join(differing) + ".")
    return Document("Two reports compared", tuple(lead), {}, tuple(tables))


def _refuse_incomparable(first: StoredReport, second: StoredReport) -> None:
    if first.stage != second.stage:
        raise InputError(
            f"The reports cannot be compared: {first.path} measured the {first.stage}, "
            f"{second.path} the {second.stage}."
        )
    if not first.checksum or first.checksum != second.checksum:
        one, other = first.configuration, second.configuration
        reasons = [
            f"{key} {one.get(key)!r} and {other.get(key)!r}"
            for key in _SHAPING
            if one.get(key) != other.get(key)
        ]
        why = "; ".join(reasons) or "the settings agree, so the pictures or a hole generator differ"
        raise InputError(
            "The reports cannot be compared: they measured other pictures or holes (checksums "
            f"{first.checksum[:16] or 'none'} and {second.checksum[:16] or 'none'}): {why}."
        )


def _differing(first: StoredReport, second: StoredReport) -> list[str]:
    one, other = first.configuration, second.configuration
    keys = sorted(
        key for key in {*one, *other} if key not in _SHAPING and one.get(key) != other.get(key)
    )
    return [f"{key} ({one.get(key, 'none')}, {other.get(key, 'none')})" for key in keys]


def _matched_systems(first: StoredReport, second: StoredReport) -> list[tuple[str, str]]:
    mine, theirs = first.content["systems"], second.content["systems"]
    common = [(system, system) for system in mine if system in theirs]
    return common or [(mine[0], theirs[0])]


def _values(report: StoredReport, system: str) -> dict[str, dict[str, float]]:
    """A system's values, metric to case to value, without those that do not apply."""
    found: dict[str, dict[str, float]] = {}
    for result in report.content["results"]:
        if result["system"] == system:
            for metric, value in result["values"].items():
                if value is not None and math.isfinite(value):
                    found.setdefault(metric, {})[result["case"]] = float(value)
    return found


def _system_table(*sides: tuple[StoredReport, str]) -> Table:
    """The figures of A and B, each a system of a report."""
    (first, system), (second, other) = sides
    metrics = {**second.content["metrics"], **first.content["metrics"]}
    one, two = (_values(*side) for side in sides)
    overall = [report.content["overall"][name] for report, name in sides]
    rows = []
    for name, metric in metrics.items():
        title, decimals = str(metric["title"]), int(metric["decimals"])
        mine, theirs = one.get(name, {}), two.get(name, {})
        if mine and theirs:
            rows.append(_row(title, mine, theirs, decimals))
        elif not mine and not theirs:
            rows += _set_figure_row(title, [own.get(name) or {} for own in overall], decimals)
    rows += _set_rows(*sides)
    title = system if system == other else f"{system} (A) and {other} (B)"
    return Table(title, ("metric", "A", "B", "B less A", "p", "cases"), tuple(rows))


def _row(title: str, mine: Mapping[str, float], theirs: Mapping[str, float], decimals: int) -> Any:
    comparison = compare_paired(theirs, mine)
    return cells(
        title,
        bootstrap_mean(mine.values()).text(decimals),
        bootstrap_mean(theirs.values()).text(decimals),
        comparison.difference.text(decimals),
        p_text(comparison.p),
        str(comparison.difference.count),
    )


def _set_figure_row(title: str, figures: Sequence[Mapping[str, Any]], decimals: int) -> list[Any]:
    """A row for a metric over all cases, if both have it; reports lack its per-case values."""
    mine, theirs = figures
    if mine.get("mean") is None or theirs.get("mean") is None or mine["count"] != theirs["count"]:
        return []
    return [
        cells(
            title,
            Estimate(**mine).text(decimals),
            Estimate(**theirs).text(decimals),
            f"{theirs['mean'] - mine['mean']:.{decimals}f}",
            "-",
            str(mine["count"]),
        )
    ]


def _set_rows(*sides: tuple[StoredReport, str]) -> list[Any]:
    """Distances from the set of true pictures, if both have them on the same features."""
    mine, theirs = ((one.content.get("sets") or {}).get(name) or {} for one, name in sides)
    networks = {report.configuration.get("features") for report, _ in sides}
    if not mine or not theirs or len(networks) > 1 or mine["count"] != theirs["count"]:
        return []
    return [
        cells(
            f"{title} distance of sets",
            *(f"{value:.4f}" for value in (mine[key], theirs[key], theirs[key] - mine[key])),
            "-",
            str(int(theirs["count"])),
        )
        for key, title in (("frechet", "Fréchet"), ("kernel", "Kernel"))
    ]


def _detector_table(first: StoredReport, second: StoredReport) -> Table:
    reports = (first, second)
    names = [name for name in first.content["quality"] if name in second.content["quality"]]
    masks = [
        {f"{mask['file']}#{mask['index']}": mask for mask in one.content["masks"]}
        for one in reports
    ]
    rows = []

    def add(title: str, figures: Sequence[Mapping[str, float | None]], decimals: int) -> None:
        mine, theirs = (
            {key: value for key, value in own.items() if value is not None} for own in figures
        )
        if mine and theirs:
            rows.append(_row(title, mine, theirs, decimals))

    hits = [{key: float(mask["found"]) for key, mask in own.items()} for own in masks]
    add("recall at IoU 0.5", hits, 3)
    for figure, decimals in (("iou", 3), ("boundary_f", 3), ("residual", 4), ("excess", 3)):
        for name in names:
            values = [{key: mask[figure].get(name) for key, mask in own.items()} for own in masks]
            add(f"{figure.replace('_', ' ')}, {name}", values, decimals)
    for name in names:
        changed = [
            {
                picture["file"]: float(picture["changed"][name])
                for picture in one.content["outcomes"]
                if picture["unmasked"]
            }
            for one in reports
        ]
        add(f"pictures without masks changed, {name}", changed, 4)
    for key, title in (("precision", "precision"), ("ap50", "AP50"), ("ap", "AP50-95")):
        mine, theirs = (one.content.get(key) for one in reports)
        if mine is not None and theirs is not None:
            texts = (f"{mine:.3f}", f"{theirs:.3f}", f"{theirs - mine:.3f}")
            rows.append(cells(title, *texts, "-", "-"))
    return Table(
        "Detectors", ("figure", "A", "B", "B less A", "p", "masks or pictures"), tuple(rows)
    )
