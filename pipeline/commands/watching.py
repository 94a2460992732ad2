"""`unmask run --watch`: processes pictures and videos as they arrive in a folder."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Never

import typer

from pipeline.commands.file_run import FileRun
from pipeline.run.folder import Findings, FoundFile, Job, references_in
from pipeline.run.outcome import Outcome, failure
from pipeline.run.watching import WatchedFolder
from weights.base import stopping
from weights.base.errors import InputError
from weights.base.printable import printable

REST = 1.0
"""Minimum seconds between two scans of the folder."""

_REST_SHARE = 20.0
"""Pause after scanning a large folder, as a multiple of the scan's duration."""


def watch(run: FileRun) -> Never:
    """Process what is in the folder and what arrives in it, until a signal.

    A line is printed for each file as it is finished; no report is kept.

    Args:
        run: over a folder, with another folder for the results.

    Raises:
        UnmaskError: a stage cannot be loaded.
        Exit: a signal arrived; with its exit code.
    """
    folder = WatchedFolder(run.files.paths[0], run.output, recursive=run.files.recursive)
    counts: Counter[str] = Counter()
    try:
        run.run_work.warm_up()
        typer.echo("unmask: watching; Ctrl-C stops.", err=True)
        for outcome in _outcomes(run, folder):
            counts[outcome.status] += 1
            _print_outcome(outcome, run.files.as_json)
    except KeyboardInterrupt:
        told = ", ".join(f"{status} {count}" for status, count in sorted(counts.items()))
        typer.echo(f"unmask: stopped; {told or 'nothing arrived'}.", err=True)
        raise typer.Exit(stopping.exit_code()) from None
    raise AssertionError("a folder is watched until a signal comes")


def _outcomes(run: FileRun, folder: WatchedFolder) -> Iterator[Outcome]:
    work = run.run_work
    trouble = ""
    while True:
        began = time.monotonic()
        try:
            files, trouble = folder.look(), ""
        except InputError as error:
            if str(error) != trouble:
                trouble = str(error)
                typer.echo(f"unmask: {trouble} Waiting for it.", err=True)
            files = []
        looked = time.monotonic() - began
        pictures = []
        for file in files:
            try:
                job = _job(file, run)
            except InputError as error:
                yield failure(Job(file.path, run.output / file.relative, video=file.video), error)
                continue
            if work.outputs.is_finished(job):
                yield Outcome(job, "skipped", f"{job.output} exists")
            elif job.video:
                yield work.unmask_one_video(job)
            else:
                pictures.append(job)
        yield from work.unmask_pictures(pictures)
        time.sleep(max(REST, _REST_SHARE * looked))


def _job(file: FoundFile, run: FileRun) -> Job:
    reference = run.files.reference
    of_all = reference if reference is None or not reference.is_dir() else None
    (job,) = run.plan(Findings((file,), (), (), False), run.output, of_all)
    if reference is not None and of_all is None:
        job = replace(job, references=references_in(reference, file.relative))
    return job


def _print_outcome(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(outcome.to_mapping()))
    elif outcome.status != "skipped":
        told = outcome.reason if outcome.status == "failed" else f"to {outcome.job.output}"
        typer.echo(printable(f"{outcome.status}: {outcome.job.source}: {told}"))
