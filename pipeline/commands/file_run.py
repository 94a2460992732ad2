"""A run over the files that exist when it begins: finds them, works on them, reports."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import typer

from pipeline.commands.progress import progress_bar
from pipeline.commands.run_options import FileOptions, WorkOptions
from pipeline.commands.standard_streams import (
    STREAM,
    found_on_standard_input,
    write_standard_output,
)
from pipeline.commands.summary import make_report, print_summary, write_table
from pipeline.commands.working import RunWork
from pipeline.core import Pipeline
from pipeline.run.folder import Findings, Job, find_files, plan_jobs
from pipeline.run.outcome import Outcome, failure
from pipeline.run.outputs import Outputs
from weights.base import stopping
from weights.base.errors import InputError, OutputError
from weights.images.formats import is_picture_name


@dataclass
class _RunResult:
    """How a run ended.

    Attributes:
        outcomes: what became of each file; only of the files reached, if it was interrupted.
        seconds: duration of the work.
        interrupted: whether Ctrl-C ended it.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False


@dataclass(frozen=True)
class FileRun:
    """A run over files.

    Attributes:
        files: the input files.
        output: the file or folder of the results; `STREAM` is standard output.
        outputs: what to write for a picture.
        format: of all pictures written; None keeps each picture's own.
        arguments: of the `Pipeline`.
        work: how the work is done.
    """

    files: FileOptions
    output: Path
    outputs: Outputs
    format: str | None
    arguments: dict[str, Any]
    work: WorkOptions

    @property
    def streamed(self) -> bool:
        """Whether the result goes to standard output."""
        return self.output == Path(STREAM)

    @cached_property
    def run_work(self) -> RunWork:
        """The object that does the work."""
        return RunWork(
            self.arguments,
            self.outputs,
            batch=self.work.batch,
            workers=self.work.workers,
            detected=self.files.mask is None,
        )

    def plan(self, found: Findings, output: Path, reference: Path | None) -> list[Job]:
        """Decide where the results go; raises what `plan_jobs` does."""
        mask, form, variants = self.files.mask, self.format, self.files.variants
        return plan_jobs(
            found, output, mask=mask, reference=reference, format=form, variants=variants
        )

    def carry_out(self) -> None:
        """Do the work, report on it, and leave with the matching exit code.

        Raises:
            UnmaskError: the call is wrong, or no file can be processed.
            Exit: files failed, or a signal arrived.
        """
        files = self.files
        piped = STREAM in files.paths
        with ExitStack() as stack:
            # Streams become files of a temporary folder.
            folder = Path(STREAM)
            if (piped or self.streamed) and not files.dry_run:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unmask-")))
            found = self._find(folder)
            output = folder / "result" if self.streamed else self.output
            jobs = self.plan(found, output, files.reference)
            self.outputs.refuse_videos(jobs)
            ended = self._dry_run(jobs) if files.dry_run else self._process(jobs)
            if self.streamed and not files.dry_run:
                _write_to_standard_output(ended)
                return
        if piped:
            # Standard input is reported under the name that the user gave it.
            ended.outcomes = [
                replace(outcome, job=replace(outcome.job, source=Path(STREAM)))
                for outcome in ended.outcomes
            ]
        # A run stopped at once leaves no report, which would be in the way of the next run.
        if files.report is not None and ended.outcomes and not files.dry_run:
            write_table(files.report, ended.outcomes)
        self._report(ended, jobs, found)

    def _find(self, folder: Path) -> Findings:
        """Find the files to work on, at least one."""
        paths = self.files.paths
        if STREAM in paths:
            if not self.streamed and not is_picture_name(self.output):
                raise InputError(
                    "A picture on standard input has no name: name a file with --output, such as "
                    "result.png."
                )
            return found_on_standard_input(folder)
        left_out = None if self.streamed else self.output
        found = find_files(paths, recursive=self.files.recursive, leave_out=left_out)
        if not found.files:
            raise InputError(f"There are no pictures in {', '.join(map(repr, paths))}.")
        if self.streamed and (not found.single or found.files[0].video):
            raise InputError("Standard output takes only one picture: name a folder with --output.")
        return found

    def _dry_run(self, jobs: Sequence[Job]) -> _RunResult:
        """Report what would be done."""
        Pipeline(**self.arguments)
        ended = _RunResult()
        for job in jobs:
            if self.outputs.is_finished(job):
                ended.outcomes.append(_skipped(job))
                continue
            try:
                self.outputs.check(job)
            except OutputError as error:
                ended.outcomes.append(failure(job, error))
            else:
                ended.outcomes.append(Outcome(job, "to do", f"to {job.output}"))
        return ended

    def _process(self, jobs: Sequence[Job]) -> _RunResult:
        """Do the jobs."""
        ended = _RunResult([_skipped(job) for job in jobs if self.outputs.is_finished(job)])
        finished = {outcome.job.output for outcome in ended.outcomes}
        left = [job for job in jobs if job.output not in finished]
        if not left:
            return ended
        work = self.run_work
        pictures = [job for job in left if not job.video]
        began = time.perf_counter()
        try:
            if pictures and work.times_are_told:
                # The first picture's times must not include loading. Any error here will come
                # again, and then be reported for a picture.
                with suppress(Exception):
                    work.warm_up()
            with progress_bar("Unmasking", len(pictures)) as show:
                for count, outcome in enumerate(work.unmask_pictures(pictures), 1):
                    ended.outcomes.append(outcome)
                    show(count)
            for job in left:
                if job.video:
                    ended.outcomes.append(work.unmask_one_video(job))
        except KeyboardInterrupt:
            ended.interrupted = True
        ended.seconds = time.perf_counter() - began
        order = {job.output: index for index, job in enumerate(jobs)}
        ended.outcomes.sort(key=lambda outcome: order[outcome.job.output])
        return ended

    def _report(self, ended: _RunResult, jobs: Sequence[Job], found: Findings) -> None:
        """Print the report and leave with the matching exit code."""
        outcomes = ended.outcomes + [
            Outcome(Job(path, self.output), "failed", f"The folder cannot be read: {reason}.")
            for path, reason in found.unreadable
        ]
        if self.files.as_json:
            report = make_report(outcomes, found.skipped, complete=not ended.interrupted)
            typer.echo(json.dumps(report, indent=2))
        else:
            print_summary(
                outcomes,
                found.skipped,
                output=self.output,
                seconds=ended.seconds,
                resumed=self.outputs.existing == "complete",
                filled=not self.outputs.only_mask,
            )
        if ended.interrupted:
            left = len(jobs) - len(ended.outcomes)
            kept = not self.outputs.overwrite
            hint = "; run the same command with --resume to resume" if kept else ""
            typer.echo(
                f"unmask: stopped, {left} of {len(jobs)} files were not processed{hint}.", err=True
            )
            raise typer.Exit(stopping.exit_code())
        if any(outcome.status == "failed" for outcome in outcomes):
            raise typer.Exit(1)


def _skipped(job: Job) -> Outcome:
    return Outcome(job, "skipped", f"{job.output} exists")


def _write_to_standard_output(ended: _RunResult) -> None:
    """Write the one result to standard output; all messages go to standard error."""
    if ended.interrupted:
        raise typer.Exit(stopping.exit_code())
    outcome = ended.outcomes[0]
    if outcome.status == "failed":
        typer.echo(f"unmask: {outcome.reason}", err=True)
        raise typer.Exit(1)
    write_standard_output(outcome.job.output)
    if outcome.status == "no mask found":
        typer.echo("unmask: no mask was found; the picture is passed on unchanged.", err=True)
