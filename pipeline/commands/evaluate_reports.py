"""`unmask evaluate diff` and `unmask evaluate publish`: comparing and publishing reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.command_options import command_options
from weights.base.atomic import write_whole
from weights.base.errors import InputError


@command_options
def compare_two_reports(
    first: Annotated[Path, typer.Argument(metavar="A")],
    second: Annotated[Path, typer.Argument(metavar="B")],
    output: Annotated[Path | None, typer.Option("--output", "-o")] = None,
    overwrite: bool = False,
) -> None:
    """Compare two reports on the same cases, with a paired test.

    Reports on different stages, pictures or holes cannot be compared: the
    error says which settings differ, and the exit code is 2.

    Args:
        first: report.json, or its folder.
        second: The other report, likewise.
        output: Also write it as .md, .html or .tex.
        overwrite: Replace an existing file.
    """
    from pipeline.evaluation.difference import compare_reports, read_report
    from pipeline.evaluation.document import to_markdown
    from pipeline.evaluation.latex import to_latex
    from pipeline.evaluation.page import to_html

    writers = {".md": to_markdown, ".html": to_html, ".tex": to_latex}
    if output is not None and output.suffix not in writers:
        raise InputError(f"--output must end in {', '.join(writers)}, but is {output}.")
    document = compare_reports(read_report(_report_file(first)), read_report(_report_file(second)))
    typer.echo(to_markdown(document), nl=False)
    if output is not None:
        write_whole(output, writers[output.suffix](document), overwrite=overwrite)


@command_options
def publish_figures(
    reports: Annotated[list[str], typer.Argument(metavar="[NAME=]REPORT")],
    readme: Path | None = None,
    records: Path | None = None,
) -> None:
    """Write measured figures into a README, catalog records and model cards.

    Args:
        reports: report.json or its folder; NAME defaults to the folder's name.
        readme: Markdown file; the table between its lines '<!-- unmask figures: begin -->' and
            '<!-- unmask figures: end -->' is replaced.
        records: Folder of catalog records; the records and model cards of the measured weights get
            the figures.
    """
    from pipeline.evaluation.publishing import publish

    named = dict(map(named_report, reports))
    for written in publish(named, readme=readme, records=records):
        typer.echo(f"Written: {written}")


def named_report(text: str) -> tuple[str, Path]:
    """Name and file of "NAME=REPORT", or of "REPORT", whose name is its folder's."""
    name, separator, file = text.partition("=")
    path = _report_file(Path(file if separator else text))
    return name if separator else path.absolute().parent.name, path


def _report_file(path: Path) -> Path:
    return path / "report.json" if path.is_dir() else path
