"""`unmask run --engine ray`: many pictures in many processes, on one or more machines."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import typer

from pipeline.cluster.places import is_uri
from pipeline.cluster.rows import RowOutcome
from pipeline.commands.progress import progress_bar
from pipeline.commands.run_options import (
    ExistingOptions,
    FileOptions,
    PictureOptions,
    WorkOptions,
    given_options,
)
from pipeline.commands.standard_streams import STREAM
from pipeline.commands.summary import make_report, print_summary, write_table
from pipeline.run.folder import Job
from pipeline.run.outcome import Outcome
from weights.base import stopping
from weights.base.errors import InputError
from weights.base.names import unknown_name

ENGINES = ("ray",)

_FOR_A_CLUSTER = ("overwrite", "column", "workers", "gpus", "batch", "format", "quality")
"""The options that are passed on."""

_NOT_ON_A_CLUSTER = (
    "mask",
    "reference",
    "variants",
    "no_recursive",
    "dry_run",
    "watch",
    "only_mask",
    "side_by_side",
    "save_mask",
    "explain",
    "save_report",
)


def run_on_ray(
    files: FileOptions,
    written: PictureOptions,
    existing: ExistingOptions,
    work: WorkOptions,
    arguments: dict[str, Any],
) -> None:
    """Do the work, report on it, and leave with the matching exit code.

    Args:
        files: input files, folders, globs and URIs, or one table, if a column is named; and the
            folder of the results, a path or URI.
        written: what is written for a picture.
        existing: how existing results are treated.
        work: how the work is done.
        arguments: of the `Pipeline`.

    Raises:
        ConfigurationError: the engine is unknown.
        InputError: an option, or a stream, is not for a run on a cluster.
    """
    from pipeline.cluster.unmasking import unmask_dataset

    if work.engine not in ENGINES:
        raise unknown_name("engine", str(work.engine), ENGINES)
    values = {**vars(files), **vars(written), "no_recursive": not files.recursive}
    refused = given_options(values, _NOT_ON_A_CLUSTER)
    output = files.output or STREAM
    if STREAM in (*files.paths, output):
        refused.append(STREAM)
    if refused:
        raise InputError(
            f"--engine ray only writes results, from files: leave {', '.join(refused)} out."
        )
    is_table = work.column is not None
    if is_table and len(files.paths) > 1:
        raise InputError("With --column, name one Parquet file or folder.")
    options = {**vars(written), **vars(existing), **vars(work)}
    chosen = {name: options[name] for name in _FOR_A_CLUSTER}
    outcomes: list[Outcome] = []
    interrupted = False
    began = time.perf_counter()
    try:
        with progress_bar("Unmasking") as show:

            def note(outcome: RowOutcome) -> None:
                outcomes.append(_outcome(outcome, output))
                show(len(outcomes))

            source = files.paths[0] if is_table else files.paths
            done = unmask_dataset(source, output, on_outcome=note, **chosen, **arguments)
    except KeyboardInterrupt:
        interrupted = True
    outcomes.sort(key=lambda outcome: outcome.job.output)
    if files.report is not None:
        write_table(files.report, outcomes)
    if files.as_json:
        typer.echo(json.dumps(make_report(outcomes, (), complete=not interrupted), indent=2))
    else:
        seconds = time.perf_counter() - began
        resumed = not existing.overwrite
        print_summary(outcomes, (), output=output, seconds=seconds, resumed=resumed)
    if interrupted:
        typer.echo("unmask: stopped; run the same command to resume.", err=True)
        raise typer.Exit(stopping.exit_code())
    if done.counts.get("failed"):
        raise typer.Exit(1)


def _outcome(row: RowOutcome, output: str) -> Outcome:
    """Turn the outcome of a row into that of a file; a URI is no path, and left out of its name."""
    written = Path(row.name) if is_uri(output) else Path(output, row.name)
    return Outcome(
        Job(Path(row.source), written),
        row.status,
        row.error or row.note or "",
        row.faces,
        {} if row.seconds is None else {"stages": row.seconds},
        (written,) if row.status in ("done", "no mask found") else (),
    )
