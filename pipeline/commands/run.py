"""`unmask run`: takes the masks off picture and video files."""

from __future__ import annotations

import json
import os
import tempfile
import time
import warnings
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from pipeline.commands.progress import progress_bar
from pipeline.commands.stage_options import (
    Backend,
    BlenderName,
    Confidence,
    Config,
    Detail,
    DetectorName,
    InpainterName,
    LowMasks,
    RefinerName,
    complete_device,
    complete_format,
    stage_arguments,
)
from weights.base import stopping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.run.folder import Findings, Job
    from pipeline.run.outcome import Outcome
    from pipeline.run.outputs import Outputs
    from weights.base.contracts import Image, Mask

_WRITTEN = "What is written for a picture"
_EXISTING = "Results that exist"
_WORK = "How the work is done"


def run(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Pictures, videos, folders or quoted globs; - is a picture on standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotations at run time
        typer.Option(
            "--output",
            "-o",
            help="A file for a single input, otherwise a folder, in which the inputs' tree is "
            "kept; - is standard output.",
            show_default="- for standard input",
        ),
    ] = None,
    mask: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Your own mask, white = fill, instead of detection: a file, or a folder with the "
            "pictures' names.",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="A photo of the same person without a mask, to take mouth, nose and chin from. A "
            "file serves every picture; in a folder, people/anna.jpg has people/anna.jpg or .png "
            "and all of people/anna/, and what has none is filled by a guess. Only file names "
            "count: faces are never matched to people.",
            show_default=False,
        ),
    ] = None,
    variants: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1,
            help="So many different guesses for each picture, as RESULT.1.jpg, RESULT.2.jpg and so "
            "on; the first is the usual one.",
            show_default="one, under the plain name",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Of the further variants; the same one gives the same guesses."),
    ] = 0,
    recursive: Annotated[
        bool,
        typer.Option("--recursive/--no-recursive", "-r/-R", help="Look into folders of folders."),
    ] = True,
    watched: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Go on with what comes into the folder PATH, until Ctrl-C or SIGTERM. A file is "
            "taken once it has not changed for two seconds; with --json each is a line of JSON.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", "-n", help="Say what would be done; open and write nothing."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON report on stdout and nothing else.")
    ] = False,
    report: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Also a table of the whole run, a line for each file and face, as this .csv file.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--format",
            "-f",
            help="Of all pictures written: jpeg, png, webp, tiff, bmp, gif, jp2, avif or ppm.",
            show_default="that of each input, or of the output's suffix",
            autocompletion=complete_format,
            rich_help_panel=_WRITTEN,
        ),
    ] = None,
    quality: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1,
            max=100,
            help="Of JPEG, WebP and AVIF.",
            show_default="as the input, else 95",
            rich_help_panel=_WRITTEN,
        ),
    ] = None,
    only_mask: Annotated[
        bool,
        typer.Option(
            "--only-mask",
            help="What would be filled, white, in place of the result, as PNG unless --format says "
            "otherwise; nothing is filled. --mask takes it back.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False,
    side_by_side: Annotated[
        bool,
        typer.Option(
            "--side-by-side",
            help="Also before and after, all variants, in one picture, as RESULT.side_by_side.png.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False,
    save_mask: Annotated[
        bool,
        typer.Option(
            "--save-mask",
            help="Also what was filled, white, as RESULT.hole.png.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also what each stage made of it and how long it took, as RESULT.explain.png.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False,
    save_report: Annotated[
        bool,
        typer.Option(
            "--save-report",
            help="Also faces, times and models of each picture, as RESULT.report.json; for one "
            "report of the whole run see --json and --report.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a run that was stopped: what exists is finished, and only files that "
            "are missing are made. Without it a picture whose result exists is skipped.",
            rich_help_panel=_EXISTING,
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Make all anew, in place of what exists.", rich_help_panel=_EXISTING
        ),
    ] = False,
    device: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="auto, cpu, cuda, cuda:N or mps.",
            show_default="auto",
            autocompletion=complete_device,
            rich_help_panel=_WORK,
        ),
    ] = None,
    batch: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1,
            help="Pictures that go through the stages together, and faces through the network.",
            show_default="8 on a GPU; 1 on a CPU, where more is no faster",
            rich_help_panel=_WORK,
        ),
    ] = None,
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1,
            help="Threads that read and write pictures while the networks work; results do not "
            "depend on it.",
            show_default="as many as processors, at most 4",
            rich_help_panel=_WORK,
        ),
    ] = None,
    engine: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="ray works with Ray Data in --workers processes, here or in the cluster of "
            "RAY_ADDRESS; paths may then be URIs such as s3://bucket/photos.",
            show_default="this process alone",
            rich_help_panel=_WORK,
        ),
    ] = None,
    gpus: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Of each of Ray's workers; with 0.25 four share a GPU.",
            rich_help_panel=_WORK,
        ),
    ] = 0.0,
    column: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="For Ray, PATH is a Parquet table; this column of it holds picture files, and its "
            "column 'name' their names.",
            show_default=False,
            rich_help_panel=_WORK,
        ),
    ] = None,
    config: Config = None,
    detector: DetectorName = None,
    confidence: Confidence = None,
    low_masks: LowMasks = None,
    refiner: RefinerName = None,
    inpainter: InpainterName = None,
    detail: Detail = None,
    backend: Backend = None,
    blender: BlenderName = None,
) -> None:
    """Take the masks off pictures and videos.

    A filled face is a guess made by a model. It is never evidence of who
    someone is; every file written says so in its metadata.

    Results keep the file format of their input. Where no mask is found the
    result is a copy of the input. Files in folders that are neither pictures
    nor videos are passed over; a file that fails does not stop the others.

    Exit code: 0 if every file is done, without a mask or skipped; 1 if some
    failed; 2 if the call is wrong or nothing can work; 130 after Ctrl-C.

    unmask run photo.jpg -o result.jpg

    unmask run holiday/ -o unmasked/ --side-by-side

    unmask run photo.jpg -o result.jpg --variants 4

    unmask run 'in/**/*.png' -o out --format webp --resume

    unmask run - < photo.jpg > result.jpg

    unmask run inbox/ -o unmasked/ --watch
    """
    from pipeline.commands.standard_streams import STREAM, check_standard_output, is_piped
    from pipeline.commands.summary import check_table, write_table
    from pipeline.run.folder import plan_jobs
    from pipeline.run.outputs import Outputs
    from pipeline.variants import check_variants
    from weights.base.errors import InputError
    from weights.images.formats import is_picture_name

    piped = is_piped(paths)
    if output is None:
        if not piped:
            raise InputError(
                "Say where the results go: -o FILE for one picture, -o FOLDER for any number, as "
                "in 'unmask run photo.jpg -o result.jpg'."
            )
        output = Path(STREAM)
    streamed = output == Path(STREAM)
    further = as_json or save_mask or side_by_side or explain or save_report or variants
    if streamed and further:
        raise InputError(
            "On standard output there is room for one picture alone: "
            "name a file with --output to get a report or further pictures."
        )
    if streamed and not dry_run:
        check_standard_output()
    if report is not None:
        check_table(report, overwrite=overwrite or resume)
    check_variants(variants, seed, [reference])
    if resume and overwrite:
        raise InputError("--resume keeps what exists and --overwrite replaces it: choose one.")
    if only_mask:
        _check_only_mask(
            {
                "--mask": mask,
                "--reference": reference,
                "--variants": variants,
                "--inpainter": inpainter,
                "--detail": detail,
                "--blender": blender,
                "--quality": quality,
                "--side-by-side": side_by_side,
                "--save-mask": save_mask,
                "--explain": explain,
            }
        )
        if not is_picture_name(output) or output.is_dir():
            format_ = format_ or "png"
    arguments = stage_arguments(
        config,
        confidence,
        detail,
        backend,
        low_masks,
        device=device,
        detector=detector,
        refiner=refiner,
        inpainter=inpainter,
        blender=blender,
    )
    if batch is not None:
        arguments["batch_size"] = batch
    if engine is not None:
        from pipeline.commands.run_on_ray import check_engine, run_on_ray

        check_engine(
            engine,
            piped or streamed,
            {
                "--mask": mask,
                "--reference": reference,
                "--variants": variants,
                "--no-recursive": not recursive,
                "--dry-run": dry_run,
                "--watch": watched,
                "--only-mask": only_mask,
                "--side-by-side": side_by_side,
                "--save-mask": save_mask,
                "--explain": explain,
                "--save-report": save_report,
            },
        )
        run_on_ray(
            paths,
            os.fspath(output),
            overwrite=overwrite,
            as_json=as_json,
            table=report,
            column=column,
            workers=workers,
            gpus=gpus,
            batch=batch,
            format=format_,
            quality=quality,
            **arguments,
        )
        return
    if gpus or column is not None:
        raise InputError("--gpus and --column are for --engine ray.")
    if only_mask:
        arguments |= {"inpainter": _leave_as_it_is, "blender": "none"}
    outputs = Outputs(
        quality=quality,
        only_mask=only_mask,
        mask=save_mask,
        side_by_side=side_by_side,
        explanation=explain,
        report=save_report,
        variants=variants,
        seed=seed,
        existing="replace" if overwrite else "complete" if resume else "skip",
    )
    if watched:
        if (
            streamed
            or dry_run
            or report is not None
            or (is_picture_name(output) and not output.is_dir())
        ):
            raise InputError(
                "--watch has no end, and needs a folder for the results: it goes without "
                "--dry-run, --report, a file or standard output as --output."
            )
        if len(paths) != 1:
            raise InputError(f"--watch takes one folder, but got {len(paths)} paths.")
    with ExitStack() as stack:
        # Damaged pictures are named at the end; what Pillow says of them besides helps nobody.
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", module=r"PIL\.")
        if watched:
            from pipeline.commands.watching import watch
            from pipeline.commands.working import RunWork
            from pipeline.run.watching import WatchedFolder

            watch(
                WatchedFolder(paths[0], output, recursive=recursive),
                RunWork(arguments, outputs, batch=batch, workers=workers, detected=mask is None),
                output,
                mask=mask,
                reference=reference,
                format_=format_,
                as_json=as_json,
            )
        # Streams are worked on as files of a folder that is gone at the end.
        folder = Path(STREAM)
        if (piped or streamed) and not dry_run:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unmask-")))
        found = _find(paths, output, folder, recursive=recursive)
        place = folder / "result" if streamed else output
        jobs = plan_jobs(
            found, place, mask=mask, reference=reference, format=format_, variants=variants
        )
        outputs.refuse_videos(jobs)
        ended = _Ended()
        if dry_run:
            _say_what_would_be_done(jobs, outputs, arguments, ended)
        else:
            _work(jobs, outputs, arguments, batch, workers, mask is None, ended)
        if streamed and not dry_run:
            _hand_on(ended)
            return
        if piped:
            ended.outcomes = [_as_standard_input(outcome) for outcome in ended.outcomes]
    if report is not None and not dry_run:
        write_table(report, ended.outcomes)
    _tell(ended, jobs, found, output, outputs, as_json)


def _check_only_mask(options: dict[str, Any]) -> None:
    """Refuse options that say how holes are filled, or what is made of filled pictures."""
    from weights.base.errors import InputError

    given = [option for option, value in options.items() if value]
    if given:
        raise InputError(f"--only-mask fills nothing: leave {' and '.join(given)} out.")


def _leave_as_it_is(crop: Image, hole: Mask) -> Image:  # noqa: ARG001 - an inpainter's arguments
    """Fill nothing."""
    return crop


@dataclass
class _Ended:
    """How a run ended.

    Attributes:
        outcomes: what became of each file; of those that were come to, if it was interrupted.
        seconds: that the work took.
        interrupted: whether Ctrl-C ended it.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False


def _find(paths: list[str], output: Path, folder: Path, *, recursive: bool) -> Findings:
    """Find the files to work on, of which there is at least one."""
    from pipeline.commands.standard_streams import STREAM, found_on_standard_input
    from pipeline.run.folder import find_files
    from weights.base.errors import InputError
    from weights.images.formats import is_picture_name

    streamed = output == Path(STREAM)
    if STREAM in paths:
        if not streamed and not is_picture_name(output):
            raise InputError(
                "A picture on standard input has no name: name a file with --output, such as "
                "result.png."
            )
        return found_on_standard_input(folder)
    found = find_files(paths, recursive=recursive, leave_out=None if streamed else output)
    if not found.files:
        raise InputError(f"There is no picture in {', '.join(map(repr, paths))}.")
    if streamed and (not found.single or found.files[0].video):
        raise InputError(
            "On standard output there is room for one picture alone: name a folder with --output."
        )
    return found


def _say_what_would_be_done(
    jobs: Sequence[Job], outputs: Outputs, arguments: dict[str, Any], ended: _Ended
) -> None:
    from pipeline.core import Pipeline
    from pipeline.run.outcome import Outcome, failure
    from weights.base.errors import OutputError

    Pipeline(**arguments)
    for job in jobs:
        if outputs.is_finished(job):
            ended.outcomes.append(Outcome(job, "skipped", f"{job.output} exists"))
            continue
        try:
            outputs.check(job)
        except OutputError as error:
            ended.outcomes.append(failure(job, error))
        else:
            ended.outcomes.append(Outcome(job, "to do", f"to {job.output}"))


def _work(
    jobs: Sequence[Job],
    outputs: Outputs,
    arguments: dict[str, Any],
    batch: int | None,
    workers: int | None,
    detected: bool,
    ended: _Ended,
) -> None:
    """Do what is to be done, and note in `ended` how it went."""
    from pipeline.run.outcome import Outcome

    left = []
    for job in jobs:
        if outputs.is_finished(job):
            ended.outcomes.append(Outcome(job, "skipped", f"{job.output} exists"))
        else:
            left.append(job)
    if not left:
        return

    from pipeline.commands.working import RunWork

    work = RunWork(arguments, outputs, batch=batch, workers=workers, detected=detected)
    pictures = [job for job in left if not job.video]
    began = time.perf_counter()
    try:
        if pictures and work.times_are_told:
            # Those of the first picture are to be without the loading. What goes wrong will go
            # wrong again, and then be said of a picture.
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


def _hand_on(ended: _Ended) -> None:
    """Write the one result to standard output; all that is said goes to standard error."""
    from pipeline.commands.standard_streams import write_standard_output

    if ended.interrupted:
        raise typer.Exit(stopping.exit_code())
    outcome = ended.outcomes[0]
    if outcome.status == "failed":
        typer.echo(f"unmask: {outcome.reason}", err=True)
        raise typer.Exit(1)
    write_standard_output(outcome.job.output)
    if outcome.status == "no mask found":
        typer.echo("unmask: no mask was found; the picture is handed on as it was.", err=True)


def _as_standard_input(outcome: Outcome) -> Outcome:
    """Call standard input by the name that the user gave it."""
    from pipeline.commands.standard_streams import STREAM

    return replace(outcome, job=replace(outcome.job, source=Path(STREAM)))


def _tell(
    ended: _Ended,
    jobs: Sequence[Job],
    found: Findings,
    output: Path,
    outputs: Outputs,
    as_json: bool,
) -> None:
    """Print the report and leave with the exit code that belongs to it."""
    from pipeline.commands.summary import make_report, print_summary
    from pipeline.run.folder import Job
    from pipeline.run.outcome import Outcome

    outcomes = ended.outcomes + [
        Outcome(Job(path, output), "failed", f"The folder cannot be read: {reason}.")
        for path, reason in found.unreadable
    ]
    if as_json:
        report = make_report(outcomes, found.skipped, complete=not ended.interrupted)
        typer.echo(json.dumps(report, indent=2))
    else:
        print_summary(
            outcomes,
            found.skipped,
            output=output,
            seconds=ended.seconds,
            resumed=outputs.existing == "complete",
            filled=not outputs.only_mask,
        )
    if ended.interrupted:
        left = len(jobs) - len(ended.outcomes)
        hint = "" if outputs.existing == "replace" else "; the same command with --resume goes on"
        typer.echo(
            f"unmask: stopped, {left} of {len(jobs)} files were not worked on{hint}.", err=True
        )
        raise typer.Exit(stopping.exit_code())
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)
