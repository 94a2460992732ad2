"""Shared code of the `unmask evaluate` commands: options, stages, holes, instruments, reports."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pipeline.commands.measured_report import ReportOptions, measured_report
from pipeline.commands.stage_options import read_stage
from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.base.yaml_text import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.table import Table

    from inpainter.evaluation.loop import Instruments
    from inpainter.evaluation.picture_sheet import SheetRow
    from inpainter.evaluation.results import Measurements, Metric
    from inpainter.evaluation.statistics import Estimate
    from pipeline.evaluation.surroundings import UsedWeights

Realism = Annotated[
    bool | None,
    typer.Option("--realism/--no-realism", show_default="where the extra is installed"),
]

_WIDEST: Final = 1000
"""Columns of a console wide enough to measure any table."""


def read_hole_specifications(text: str) -> dict[str, Any]:
    """Turn the option --holes into labels and specifications for `inpainter.holes.create_holes`.

    Args:
        text: names separated by commas, each of `pipeline.evaluation.case_sets.HOLE_NAMES`, of
            `inpainter.holes.list_holes`, "drawn-mask", or a dotted path; or a YAML mapping of a
            name and options, or a YAML list of names and such mappings.

    Raises:
        ConfigurationError: the text is none of these, or names a kind twice.
    """
    from pipeline.evaluation.case_sets import HOLE_NAMES

    listed = f"[{text}]" if text.lstrip().startswith("{") else text
    return {
        label: _renamed(spec, HOLE_NAMES) for label, spec in read_stages(listed, "--holes").items()
    }


def _renamed(spec: Any, names: Mapping[str, str]) -> Any:
    if isinstance(spec, dict):
        return {**spec, "name": names.get(spec["name"], spec["name"])}
    return names.get(spec, spec)


def read_stages(text: str, option: str) -> dict[str, Any]:
    """Turn a list of stages into labels and specifications for `create_stage` of the registry.

    Args:
        text: names separated by commas, each "NAME", "package.module:Class" or "NAME@FILE" for
            weights from a file; or a YAML list of names and of mappings of a name and options.
        option: the option's name, for errors.

    Returns:
        Label to specification, in order; the label is the list entry itself, or its class's name.

    Raises:
        ConfigurationError: there is no name, a name is repeated, or it is not a list.
    """
    from weights.base.dotted_paths import import_from_working_directory

    wrong = ConfigurationError(
        f"{option} must be names separated by commas, each NAME or NAME@FILE, or a YAML list, "
        f"but is {text!r}."
    )
    parts: list[Any] = text.split(",")
    if text.lstrip().startswith("["):
        try:
            parts = parse_yaml(text, option)
        except ConfigurationError as error:
            raise wrong from error
    import_from_working_directory(parts)
    stages: dict[str, Any] = {}
    stage: Any
    for part in parts:
        if isinstance(part, dict) and isinstance(part.get("name"), str):
            options = ", ".join(f"{key} {value}" for key, value in part.items() if key != "name")
            label, stage = f"{part['name']} ({options})" if options else part["name"], part
        elif isinstance(part, str):
            stage = read_stage(part.strip(), option)
            label = part.strip() if isinstance(stage, dict) else str(stage).rpartition(":")[2]
        else:
            raise wrong
        if not label:
            raise wrong
        if label in stages:
            raise ConfigurationError(f"{option} names {label!r} twice.")
        stages[label] = stage
    return stages


@dataclass(frozen=True)
class InstrumentOptions:
    """Measurements beyond the pixels.

    Attributes:
        landmarks: Also detect the face and its landmarks in each result (extra 'landmarks').
        identity: Also compare true and filled face with dlib's face network, for information only.
        lpips: Also LPIPS with alex, vgg or squeeze (extra 'evaluate'). Its weights must be in torch
            hub's checkpoints folder; if missing, the error names the file and the folder.
        features: Also Fréchet and kernel distance on the features of inception (FID and KID), face,
            or package.module:Name (extra 'evaluate'). Inception's weights must be in torch hub's
            checkpoints folder, as for --lpips.
        realism: Distance between the sets of fills and photos, and whether a classifier can tell
            them apart (extra 'evaluate').
    """

    landmarks: bool = False
    identity: bool = False
    lpips: Annotated[str | None, typer.Option(show_default="none")] = None
    features: Annotated[str | None, typer.Option(show_default="none")] = None
    realism: Realism = None

    def make(self, device: str) -> Instruments:
        """Make the instruments.

        With `realism` None, realism is measured if its libraries are installed; otherwise a line on
        standard error says that it is not.

        Raises:
            MissingDependencyError: a library is not installed.
            WeightsError: weights are not on this machine.
            ConfigurationError: a name is unknown.
        """
        from inpainter.evaluation.loop import Instruments
        from inpainter.metrics import (
            DlibIdentity,
            DlibLandmarks,
            FeatureExtractor,
            HoleFeatures,
            LearnedPerceptualDistance,
        )
        from inpainter.metrics.realism import NEEDED, can_measure_realism

        realism = self.realism
        if realism is None and not (realism := can_measure_realism()):
            typer.echo(f"Realism is not measured; to measure it: {NEEDED}.", err=True)
        return Instruments(
            DlibLandmarks() if self.landmarks or self.identity else None,
            DlibIdentity() if self.identity else None,
            None if self.lpips is None else LearnedPerceptualDistance(self.lpips, device),  # type: ignore[arg-type]  # it checks the name
            None if self.features is None else FeatureExtractor(self.features, device),
            HoleFeatures(device) if realism else None,
        )

    def settings(self, instruments: Instruments) -> dict[str, Any]:
        """The settings of the instruments that go into a report."""
        return {
            "landmarks": self.landmarks,
            "identity": self.identity,
            "lpips": self.lpips or "none",
            "features": self.features or "none",
            "realism": instruments.realism is not None,
        }


@dataclass(frozen=True)
class SheetOptions:
    """The picture sheets of a comparison.

    Attributes:
        sheet: Pictures on each of the sheets best, median and worst.
        rank: Metric of report.json by which the sheets are chosen.
    """

    sheet: Annotated[int, typer.Option(min=0)] = 6
    rank: Annotated[str | None, typer.Option(show_default="lpips, ssim_hole or mask_left")] = None


def measured_comparison(
    options: ReportOptions,
    sheets: SheetOptions,
    settings: Mapping[str, Any],
    weights: Mapping[str, UsedWeights | None],
    measure: Callable[..., Measurements],
    rows_of: Callable[[Sequence[str]], Mapping[str, SheetRow]],
    *,
    metrics: Sequence[Metric],
    total: int,
) -> None:
    """Measure, resuming an interrupted run, and write and print the report.

    Args:
        options: of the report.
        sheets: of the report.
        settings: what the results depend on; the configuration in the report.
        weights: of each system; None if it has none.
        measure: called with `known`, `keep`, `progress` and `configuration`.
        rows_of: gives the picture rows of the cases of these names.
        metrics: all that may be measured.
        total: maximum number of cases, for the progress bar.

    Raises:
        ConfigurationError: the metric to rank by does not exist.
    """
    ranking = [
        metric.name for metric in metrics if metric.better != "none" and metric.of_set is None
    ]
    rank = sheets.rank
    if rank is not None and rank not in ranking:
        raise unknown_name("metric to rank by", rank, ranking)
    from pipeline.evaluation.comparison import (
        cases_csv,
        comparison_document,
        extreme_sheets,
        tables_csv,
    )
    from pipeline.evaluation.resumption import result_from_line, result_line

    used = {f"weights of {name}": str(one) for name, one in weights.items() if one is not None}
    with measured_report(options, {**settings, **used}, total) as report:
        measurements = measure(
            known=[result_from_line(line) for line in report.kept.lines],
            keep=lambda result: report.kept.append(result_line(result)),
            progress=report.advance,
            configuration=report.configuration,
        )
    ranked_by = rank or _ranking_metric(measurements)
    drawn = []
    if sheets.sheet and ranked_by is not None:
        drawn = extreme_sheets(measurements, ranked_by, sheets.sheet, rows_of)
    if rank is not None and sheets.sheet and not drawn:
        typer.echo(f"No sheets are drawn: {rank!r} was not measured.", err=True)
    report.write(
        comparison_document(measurements, drawn, report.run),
        measurements.summary(),
        {"cases.csv": cases_csv(measurements), "tables.csv": tables_csv(measurements)},
        weights,
        print_figures=partial(_print_estimates, measurements),
    )


def _ranking_metric(measurements: Measurements) -> str | None:
    measured = [metric.name for metric in measurements.metrics]
    wanted = ("lpips", "ssim_hole", "mask_left", "falsely_changed")
    return next((name for name in wanted if name in measured), None)


def _print_estimates(measurements: Measurements) -> None:
    """Print a line per metric and a column per system; only means where intervals do not fit."""
    from rich.console import Console

    from pipeline.evaluation.document import counted

    console = Console()
    table = _terminal_table(measurements, lambda estimate, metric: estimate.text(metric.decimals))
    wide_enough = console.options.update(width=_WIDEST)
    fits = console.measure(table, options=wide_enough).maximum <= console.width
    if not fits:
        table = _terminal_table(
            measurements, lambda estimate, metric: estimate.mean_text(metric.decimals)
        )
    console.print(table)
    for note in measurements.notes:
        console.print(note, soft_wrap=True, style="dim")
    intervals = "95 % bootstrap intervals" + ("" if fits else " in the report")
    console.print(
        f"{counted(measurements.cases, 'case')}, {intervals}, holes {measurements.checksum[:16]}",
        soft_wrap=True,
    )


def _terminal_table(
    measurements: Measurements, written: Callable[[Estimate, Metric], str]
) -> Table:
    from rich.table import Table

    table = Table("metric", *measurements.systems, box=None, pad_edge=False)
    for metric in measurements.metrics:
        estimates = [measurements.estimate(system, metric.name) for system in measurements.systems]
        table.add_row(metric.title, *(written(estimate, metric) for estimate in estimates))
    if measurements.sets:
        for name, title in (("frechet", "Fréchet distance"), ("kernel", "Kernel distance")):
            figures = [
                measurements.sets.get(system, {}).get(name) for system in measurements.systems
            ]
            table.add_row(title, *("-" if one is None else f"{one:.4f}" for one in figures))
    return table
