"""`unmask run`: takes the masks off picture files."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.batch import Outcome

_MOST_ROWS = 40


def run(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH", help="Pictures, folders or quoted globs.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="A file for a single picture, otherwise a folder; its tree is kept.",
            show_default=False,
        ),
    ],
    mask: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            help="Your own mask, white = fill, instead of detection: a file, or a folder with the "
            "pictures' names.",
            show_default=False,
        ),
    ] = None,
    save_mask: Annotated[
        bool, typer.Option("--save-mask", help="Also write what was filled, as NAME.hole.png.")
    ] = False,
    side_by_side: Annotated[
        bool,
        typer.Option(
            "--side-by-side", help="Also write before and after, as NAME.side_by_side.png."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that exist; else they are skipped.")
    ] = False,
    recursive: Annotated[
        bool,
        typer.Option("--recursive/--no-recursive", "-r/-R", help="Look into folders of folders."),
    ] = True,
    device: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="auto, cpu, cuda, cuda:N or mps.", show_default="auto"),
    ] = None,
    quality: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1, max=100, help="Of JPEG, WebP and AVIF.", show_default="as the input, else 95"
        ),
    ] = None,
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A pipeline as YAML; the options here go before it.", show_default=False),
    ] = None,
    detector: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Name of a detector.", show_default="yolo"),
    ] = None,
    confidence: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            min=0.0, max=1.0, help="How sure the detector must be.", show_default="the detector's"
        ),
    ] = None,
    refiner: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Name of a refiner.", show_default="morphology"),
    ] = None,
    inpainter: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Name of an inpainter.", show_default="gated"),
    ] = None,
    blender: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Name of a blender.", show_default="feather"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON report on stdout and nothing else.")
    ] = False,
) -> None:
    """Take the masks off pictures.

    A filled face is a guess made by a model. It is never evidence of who
    someone is; every picture written says so in its metadata.

    Results keep the file format of their input. Where no mask is found the
    result is a copy of the input. Files in folders that are no pictures are
    passed over; a picture that fails does not stop the others.

    Exit code: 0 if every picture is done, without a mask or skipped; 1 if
    some failed; 2 if the call is wrong or nothing can work; 130 after Ctrl-C.
    """
    from pipeline.folder import Job, find_pictures, plan_jobs
    from weights.errors import InputError

    found = find_pictures(paths, recursive=recursive, leave_out=output)
    if not found.pictures:
        raise InputError(f"There is no picture in {', '.join(map(repr, paths))}.")
    jobs = plan_jobs(found, output, mask=mask)
    arguments = _arguments(
        config,
        confidence,
        device=device,
        detector=detector,
        refiner=refiner,
        inpainter=inpainter,
        blender=blender,
    )

    from pipeline.batch import Outcome, unmask_files
    from pipeline.core import Pipeline

    pipeline = Pipeline(**arguments)
    outcomes: list[Outcome] = []
    interrupted = False
    try:
        work = unmask_files(
            pipeline,
            jobs,
            overwrite=overwrite,
            quality=quality,
            save_mask=save_mask,
            side_by_side=side_by_side,
            models=pipeline.model_names(detected=mask is None),
        )
        for outcome in _with_progress(work, len(jobs)):
            outcomes.append(outcome)
    except KeyboardInterrupt:
        interrupted = True
    order = {job.source: index for index, job in enumerate(jobs)}
    outcomes.sort(key=lambda outcome: order[outcome.job.source])
    outcomes += [
        Outcome(Job(path, output), "failed", f"The folder cannot be read: {reason}.")
        for path, reason in found.unreadable
    ]
    if as_json:
        typer.echo(json.dumps(_report(outcomes, found.skipped, not interrupted), indent=2))
    else:
        _print_report(outcomes, found.skipped, output)
    if interrupted:
        left = len(jobs) + len(found.unreadable) - len(outcomes)
        typer.echo(f"unmask: stopped, {left} of {len(jobs)} pictures were not worked on.", err=True)
        raise typer.Exit(130)
    if any(outcome.status == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def _arguments(
    config: Path | None, confidence: float | None, **chosen: str | None
) -> dict[str, Any]:
    """The pipeline's arguments: those of the YAML file, and before them the options."""
    arguments: dict[str, Any] = {}
    if config is not None:
        from pipeline.configuration import read_configuration

        arguments = read_configuration(config)
    arguments |= {key: value for key, value in chosen.items() if value is not None}
    if confidence is not None:
        detector = arguments.get("detector", "yolo")
        options = detector if isinstance(detector, dict) else {"name": detector}
        arguments["detector"] = {**options, "confidence": confidence}
    return arguments


def _with_progress(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """Hand the outcomes on while a bar on stderr counts them, where a person is looking."""
    import time

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as progress:
        began = time.perf_counter()
        task = progress.add_task("Unmasking", total=total, rate="")
        for count, outcome in enumerate(outcomes, 1):
            rate = count / max(time.perf_counter() - began, 1e-9)
            progress.update(task, advance=1, rate=f"{rate:.1f} pictures/s")
            yield outcome


def _counts(outcomes: Sequence[Outcome], skipped: Sequence[Path]) -> dict[str, int]:
    counts = Counter(outcome.status for outcome in outcomes)
    return {
        "done": counts["done"],
        "no mask found": counts["no mask found"],
        "skipped": counts["skipped"],
        "failed": counts["failed"],
        "no picture": len(skipped),
    }


def _report(outcomes: Sequence[Outcome], skipped: Sequence[Path], complete: bool) -> dict[str, Any]:
    from weights.provenance import NOTICE, unmask_version

    return {
        "unmask": unmask_version(),
        "notice": NOTICE,
        "complete": complete,
        "counts": _counts(outcomes, skipped),
        "pictures": [
            {
                "input": str(outcome.job.source),
                "output": str(outcome.job.output),
                "status": outcome.status,
                "reason": outcome.reason,
                "faces": [
                    {"box": list(face.box), "filled_pixels": face.pixels} for face in outcome.faces
                ],
                "seconds": {key: round(value, 6) for key, value in outcome.timings.items()},
                "written": [str(path) for path in outcome.written],
            }
            for outcome in outcomes
        ],
        "no_pictures": [str(path) for path in skipped],
    }


def _print_report(outcomes: Sequence[Outcome], skipped: Sequence[Path], output: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    notable = [outcome for outcome in outcomes if outcome.status != "done" or outcome.reason]
    if notable:
        table = Table("picture", "what became of it", "why", box=None, pad_edge=False)
        # Failures first: of a long list only the beginning is shown.
        ranked = sorted(notable, key=lambda outcome: outcome.status != "failed")
        for outcome in ranked[:_MOST_ROWS]:
            table.add_row(
                Text(str(outcome.job.source)), outcome.status, Text(outcome.reason), style=None
            )
        console.print(table)
        if len(ranked) > _MOST_ROWS:
            console.print(f"... and {len(ranked) - _MOST_ROWS} more; --json lists all.")
    counts = _counts(outcomes, skipped)
    summary = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    console.print(Text(f"{summary or 'nothing done'}. Output: {output}"))
    if counts["done"]:
        console.print("What was filled in is a guess, no evidence of who the person is.")
