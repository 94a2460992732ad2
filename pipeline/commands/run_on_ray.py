"""`unmask run --engine ray`: many pictures in many processes, on one or more machines."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from pipeline.cluster.rows import RowOutcome
from pipeline.commands.progress import progress_bar
from pipeline.commands.summary import make_report, print_summary, write_table
from pipeline.run.outcome import Outcome
from weights.base import stopping
from weights.base.errors import InputError
from weights.base.names import unknown_name

ENGINES = ("ray",)


def check_engine(engine: str | None, streamed: bool, given: list[str]) -> None:
    """Refuse what a cluster run does not support.

    Args:
        engine: its name as given by the user.
        streamed: whether standard input or output is used.
        given: the given options that a cluster run does not support.

    Raises:
        ConfigurationError: the engine is unknown.
        InputError: one of the options or a stream is used.
    """
    if engine not in ENGINES:
        raise unknown_name("engine", str(engine), ENGINES)
    refused = [*given, "-"] if streamed else given
    if refused:
        raise InputError(
            f"--engine ray only writes results, from files: leave {', '.join(refused)} out."
        )


def run_on_ray(
    paths: Sequence[str],
    output: str,
    *,
    overwrite: bool,
    as_json: bool,
    table: Path | None,
    **options: Any,
) -> None:
    """Do the work, report on it, and leave with the matching exit code.

    Args:
        paths: files, folders, globs and URIs; or one table, if there is an option `column`.
        output: the folder of the results, a path or a URI.
        overwrite: whether existing results are replaced.
        as_json: whether the report is printed as JSON.
        table: where a table of the run is written, if at all.
        **options: further options of `unmask_dataset`, including stages.
    """
    from pipeline.cluster.unmasking import unmask_dataset

    is_table = options.get("column") is not None
    if is_table and len(paths) > 1:
        raise InputError("With --column, name one Parquet file or folder.")
    outcomes: list[Outcome] = []
    interrupted = False
    began = time.perf_counter()
    try:
        with progress_bar("Unmasking") as show:

            def note(outcome: RowOutcome) -> None:
                outcomes.append(_outcome(outcome, output))
                show(len(outcomes))

            done = unmask_dataset(
                paths[0] if is_table else paths,
                output,
                overwrite=overwrite,
                on_outcome=note,
                **options,
            )
    except KeyboardInterrupt:
        interrupted = True
    outcomes.sort(key=lambda outcome: outcome.job.output)
    if table is not None:
        write_table(table, outcomes)
    if as_json:
        typer.echo(json.dumps(make_report(outcomes, (), complete=not interrupted), indent=2))
    else:
        seconds = time.perf_counter() - began
        print_summary(outcomes, (), output=Path(output), seconds=seconds, resumed=not overwrite)
    if interrupted:
        typer.echo("unmask: stopped; run the same command to resume.", err=True)
        raise typer.Exit(stopping.exit_code())
    if done.counts.get("failed"):
        raise typer.Exit(1)


def _outcome(row: RowOutcome, output: str) -> Outcome:
    """Turn the outcome of a row into that of a file."""
    from pipeline.run.folder import Job

    written = Path(output) / row.name
    return Outcome(
        Job(Path(row.source), written),
        row.status,
        row.error or row.note or "",
        row.faces,
        {} if row.seconds is None else {"stages": row.seconds},
        (written,) if row.status in ("done", "no mask found") else (),
    )
