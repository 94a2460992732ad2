"""Makes a report of several measured systems: tables, plots and sheets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from inpainter.evaluation.picture_sheet import SheetRow
from inpainter.evaluation.results import (
    AREA_KIND,
    LEAST_FACES,
    TOGETHER,
    Measurements,
    Metric,
    Part,
)
from inpainter.evaluation.statistics import Estimate
from pipeline.evaluation.document import Cell, Document, Picture, Table, cells, counted
from pipeline.evaluation.plots import NO_PLOTS, Panel, can_plot, plot_bars, plot_curves
from pipeline.evaluation.writing import csv_text, sheet_picture

COMPARISON_FILES: Final = ("cases.csv", "tables.csv")
"""The CSV files of a comparison: every result, and every estimate."""

_TITLES: Final = {"inpainter": "Completion, measured", "pipeline": "Unmasking, measured"}
_SEVERAL_HOLES: Final = (
    "Each face is measured with several kinds of holes and is a case with each, so intervals over "
    "all cases are narrower than over as many faces; within one kind every face counts once."
)
_SMALL_PARTS: Final = (
    f"Realism is left out for fewer than {LEAST_FACES} faces; labels of fewer are in "
    f"{TOGETHER!r} where they have as many together."
)
_PART_PANELS: Final = 3


def comparison_document(
    measurements: Measurements,
    sheets: Sequence[Picture] = (),
    facts: Mapping[str, Any] | None = None,
) -> Document:
    """Make the report of a comparison.

    Args:
        measurements: of one or more systems.
        sheets: pictures at the end.
        facts: about the run, in addition to the measurements' own configuration.
    """
    lead = [
        f"{counted(measurements.cases, 'case')}, {counted(len(measurements.systems), 'system')}. "
        "Means with 95 % bootstrap "
        f"intervals over cases; checksum of the holes {measurements.checksum[:16]}.",
        *measurements.notes,
    ]
    if any("holes" in result.groups for result in measurements.results):
        lead.append(_SEVERAL_HOLES)
    measured = {metric.name for metric in measurements.metrics}
    missing = [one.title for one in measurements.known_metrics if one.name not in measured]
    if missing:
        lead.append(f"Not measured, or meaningless on every case: {'; '.join(missing)}.")
    parts: list[Table | Picture] = [_overall(measurements)]
    if measurements.sets:
        parts.append(_sets(measurements))
    if len(measurements.systems) > 1:
        parts += [_difference(measurements, *pair) for pair in measurements.pairs()]
    if can_plot():
        parts.append(_bars_of_all(measurements))
    else:
        lead.append(NO_PLOTS)
    kinds: dict[str, list[Part]] = {}
    for part in measurements.parts():
        kinds.setdefault(part.kind, []).append(part)
    for kind, own in kinds.items():
        parts.append(_by_part(measurements, kind, own))
        if can_plot() and len(own) > 1:
            parts.append(_plot_of_parts(measurements, kind, own))
    configuration = {**measurements.configuration, **(facts or {})}
    configuration["bootstrap"] = f"{measurements.resamples} resamples, seed {measurements.seed}"
    configuration["checksum of the holes"] = measurements.checksum
    return Document(
        _TITLES.get(measurements.stage, "Measured"), tuple(lead), configuration, (*parts, *sheets)
    )


def _overall(measurements: Measurements) -> Table:
    rows = []
    for metric in measurements.metrics:
        best = measurements.best_system(metric)
        row = [Cell(metric.title)]
        for system in measurements.systems:
            estimate = measurements.estimate(system, metric.name)
            row.append(Cell(_with_count(estimate, metric, measurements.cases), system == best))
        rows.append(tuple(row))
    return Table("All cases", ("metric", *measurements.systems), tuple(rows))


def _with_count(estimate: Estimate, metric: Metric, cases: int) -> str:
    text = estimate.text(metric.decimals)
    if estimate.count and estimate.count != cases:
        text += f", {estimate.count} cases"
    return text


def _sets(measurements: Measurements) -> Table:
    rows = [
        cells(
            system,
            str(int(distances["count"])),
            f"{distances['frechet']:.3f}",
            f"{distances['kernel']:.5f}",
        )
        for system, distances in measurements.sets.items()
    ]
    return Table(
        "Distance from the set of true pictures",
        ("system", "pictures", "Fréchet distance", "kernel distance"),
        tuple(rows),
        note="Lower is better. The distances have no interval.",
    )


def _difference(measurements: Measurements, system: str, other: str) -> Table:
    rows = []
    for metric in measurements.compared_metrics:
        comparison = measurements.compare(system, other, metric.name)
        difference = comparison.difference
        text = difference.text(metric.decimals)
        rows.append(cells(metric.title, text, p_text(comparison.p), str(difference.count)))
    return Table(
        f"{system} less {other}, on the same cases",
        ("metric", "mean difference", "p", "cases"),
        tuple(rows),
        note="p of Wilcoxon's signed-rank test, two-sided, not adjusted for the number of tests.",
    )


def p_text(p: float) -> str:
    """Format a p value with two significant digits."""
    if math.isnan(p):
        return "-"
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def _headlines(measurements: Measurements) -> list[Metric]:
    return [metric for metric in measurements.metrics if metric.headline]


def _bars_of_all(measurements: Measurements) -> Picture:
    drawn = plot_bars(_panels(measurements, _headlines(measurements), {"": None}))
    note = "Means over all cases with 95 % intervals."
    return Picture("All cases, plotted", "plots/all_cases.png", drawn, note)


def _panels(
    measurements: Measurements, metrics: Sequence[Metric], parts: Mapping[str, Part | None]
) -> list[Panel]:
    """A panel for each metric; `parts` are its places by name, where None means all cases."""
    return [
        Panel(
            metric.title,
            tuple(parts),
            {
                system: [measurements.estimate(system, metric.name, one) for one in parts.values()]
                for system in measurements.systems
            },
        )
        for metric in metrics
    ]


def _by_part(measurements: Measurements, kind: str, parts: Sequence[Part]) -> Table:
    metrics = _headlines(measurements)
    rows = []
    for part in parts:
        best = {metric.name: measurements.best_system(metric, part) for metric in metrics}
        for system in measurements.systems:
            count = len(measurements.values(system, metrics[0].name, part))
            if not count:
                continue
            row = [Cell(part.name), Cell(system), Cell(str(count))]
            for metric in metrics:
                text = measurements.estimate(system, metric.name, part).text(metric.decimals)
                row.append(Cell(text, best[metric.name] == system))
            rows.append(tuple(row))
    heading = (kind, "system", "cases", *(metric.title for metric in metrics))
    of_sets = any(metric.of_set is not None for metric in metrics)
    return Table(f"By {kind}", heading, tuple(rows), labels=2, note=_SMALL_PARTS if of_sets else "")


def _plot_of_parts(measurements: Measurements, kind: str, parts: Sequence[Part]) -> Picture:
    metrics = _headlines(measurements)[:_PART_PANELS]
    panels = _panels(measurements, metrics, {part.name: part for part in parts})
    draw = plot_curves if kind == AREA_KIND else plot_bars
    file = f"plots/by_{kind.replace(' ', '_')}.png"
    return Picture(f"By {kind}, plotted", file, draw(panels), "Means with 95 % intervals.")


def extreme_sheets(
    measurements: Measurements,
    metric: str,
    count: int,
    rows_of: Callable[[Sequence[str]], Mapping[str, SheetRow]],
) -> list[Picture]:
    """Draw the best, median and worst cases by the first system's value of a metric.

    Args:
        measurements: what was measured.
        metric: by which the cases are ranked.
        count: maximum rows per sheet.
        rows_of: returns the rows of the cases of these names.

    Raises:
        ConfigurationError: cases cannot be ranked by that metric.
    """
    ranked = measurements.ranked(metric)
    if not ranked or count < 1:
        return []
    middle = max(0, (len(ranked) - count) // 2)
    chosen = {
        "best": ranked[:count],
        "median": ranked[middle : middle + count],
        "worst": ranked[::-1][:count],
    }
    known = next(one for one in measurements.known_metrics if one.name == metric)
    rows = rows_of(list(dict.fromkeys(name for names in chosen.values() for name in names)))
    pictures = []
    for place, names in chosen.items():
        captioned = [
            SheetRow(name, rows[name].cells, _caption(measurements, known, name)) for name in names
        ]
        title = f"{place.capitalize()} cases by {known.title} of {measurements.systems[0]}"
        pictures.append(sheet_picture(title, f"{place}.jpg", captioned))
    return pictures


def _caption(measurements: Measurements, metric: Metric, case: str) -> str:
    values = [
        f"{system} {value:.{metric.decimals}f}"
        for system in measurements.systems
        if not math.isnan(value := measurements.values(system, metric.name).get(case, math.nan))
    ]
    return f"{case}; {metric.title}: {', '.join(values)}"


def cases_csv(measurements: Measurements) -> str:
    """Write one line per case and system; empty cells where a metric does not apply."""
    kinds = sorted({kind for result in measurements.results for kind in result.groups})
    names = [metric.name for metric in measurements.case_metrics]
    rows = []
    for result in measurements.results:
        values = [result.values.get(name, math.nan) for name in names]
        rows.append(
            [
                result.case,
                result.system,
                f"{result.hole_area:.6f}",
                *(result.groups.get(kind, "") for kind in kinds),
                *("" if math.isnan(value) else f"{value:.6g}" for value in values),
            ]
        )
    return csv_text(["case", "system", "hole_area", *kinds, *names], rows)


def tables_csv(measurements: Measurements) -> str:
    """Write one line per estimate: all cases, every part and every difference."""
    rows: list[list[Any]] = []

    def add(
        kind: str, part: str, system: str, metric: str, estimate: Estimate, p: str = ""
    ) -> None:
        if estimate.count:
            figures = (f"{value:.6g}" for value in (estimate.mean, estimate.low, estimate.high))
            rows.append([kind, part, system, metric, *figures, estimate.count, p])

    for part in (None, *measurements.parts()):
        kind, name = ("all", "") if part is None else (part.kind, part.name)
        for metric in measurements.metrics:
            for system in measurements.systems:
                estimate = measurements.estimate(system, metric.name, part)
                add(kind, name, system, metric.name, estimate)
    for system, other in measurements.pairs():
        for metric in measurements.compared_metrics:
            comparison = measurements.compare(system, other, metric.name)
            p = "" if math.isnan(comparison.p) else f"{comparison.p:.6g}"
            add("difference", "", f"{system} less {other}", metric.name, comparison.difference, p)
    heading = ["kind", "part", "system", "metric", "mean", "low", "high", "cases", "p"]
    return csv_text(heading, rows)
