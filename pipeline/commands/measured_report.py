"""A measuring command that resumes after an interruption and leaves a report."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.progress import Update, progress_bar
from pipeline.commands.stage_options import Device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.evaluation.document import Document
    from pipeline.evaluation.resumption import Unfinished
    from pipeline.evaluation.surroundings import UsedWeights


@dataclass(frozen=True)
class ReportOptions:
    """Where a report goes, and how it is made.

    Attributes:
        output: Folder for the report.
        device: auto, cpu, cuda, cuda:N or mps.
        overwrite: Replace an existing report.
        as_json: Print report.json on stdout and nothing else.
    """

    output: Annotated[Path, typer.Option("--output", "-o")]
    device: Device = "auto"
    overwrite: bool = False
    as_json: Annotated[bool, typer.Option("--json")] = False


@dataclass
class MeasuredReport:
    """A measurement in progress and its report.

    Attributes:
        options: of the report.
        configuration: settings, machine and versions.
        kept: the results of this run and of an interrupted earlier one.
        advance: called with the number of finished cases.
        run: time and memory used; set once everything is measured.
    """

    options: ReportOptions
    configuration: Mapping[str, Any]
    kept: Unfinished
    advance: Update
    run: dict[str, str] = field(default_factory=dict)

    def write(
        self,
        document: Document,
        summary: Mapping[str, Any],
        tables: Mapping[str, str],
        weights: Mapping[str, UsedWeights | None],
        *,
        print_figures: Callable[[], None],
    ) -> None:
        """Write the report, and print it.

        Args:
            document: the report for people.
            summary: the report for machines, to which weights and run are added.
            tables: names and contents of the CSV files.
            weights: the measured weights by system or stage; None if it has none.
            print_figures: prints the figures.
        """
        from pipeline.evaluation.writing import write_report

        digests = {name: used.sha256 for name, used in weights.items() if used is not None}
        whole = {**summary, "weights": digests, "run": self.run}
        output, overwrite = self.options.output, self.options.overwrite
        written = write_report(output, document, whole, tables, overwrite=overwrite)
        self.kept.finish()
        if self.options.as_json:
            typer.echo((output / "report.json").read_text(encoding="utf-8"), nl=False)
            return
        print_figures()
        typer.echo(f"{self.run['measured in']}, peak memory {self.run['peak memory']}.")
        typer.echo(f"Open {written[0]} in a browser; {len(written) - 1} more files are next to it.")


@contextmanager
def measured_report(
    options: ReportOptions, settings: Mapping[str, Any], total: int
) -> Iterator[MeasuredReport]:
    """Store results as they come in while the block measures.

    Args:
        options: of the report; results of other settings in its folder are dropped only if
            overwriting is allowed.
        settings: what the results depend on.
        total: maximum number of cases, for the progress bar.

    Raises:
        InputError: the folder holds results of other settings, and they may not be overwritten.
        OutputError: the folder cannot be written.
    """
    from pipeline.apps.bench.pipeline import peak_memory
    from pipeline.evaluation.resumption import Unfinished
    from pipeline.evaluation.surroundings import machine, versions

    began = time.perf_counter()
    facts = {**settings, "unmask": versions()["unmask"]}
    with (
        Unfinished(options.output, facts, overwrite=options.overwrite) as kept,
        progress_bar("Measuring", total) as advance,
    ):
        if kept.lines:
            typer.echo(f"Resuming after {len(kept.lines)} existing results.", err=True)
        configuration = {**settings, **machine(options.device), **versions()}
        report = MeasuredReport(options, configuration, kept, advance)
        yield report
    seconds = f"{time.perf_counter() - began:.0f} s" + (", the rest earlier" if kept.lines else "")
    report.run |= {
        "measured in": seconds,
        "peak memory": f"{peak_memory() / 2**20:.0f} MiB",
    }
