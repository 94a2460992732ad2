"""The options of `unmask run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.stage_options import (
    Backend,
    DeviceOfStages,
    complete_format,
)

if TYPE_CHECKING:
    from pipeline.run.outputs import Existing

_WRITTEN = "What is written for a picture"
_EXISTING = "Results that exist"
_WORK = "How the work is done"


@dataclass(frozen=True)
class FileOptions:
    """What is worked on, and where it goes."""

    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Pictures, videos, folders or quoted globs; - is a picture on standard input.",
            show_default=False,
        ),
    ]
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A file for a single input, otherwise a folder, in which the inputs' tree is "
            "kept; - is standard output.",
            show_default="- for standard input",
        ),
    ] = None
    mask: Annotated[
        Path | None,
        typer.Option(
            help="Your own mask, white = fill, instead of detection: a file, or a folder with the "
            "pictures' names.",
            show_default=False,
        ),
    ] = None
    reference: Annotated[
        Path | None,
        typer.Option(
            help="A photo of the same person without a mask, to take mouth, nose and chin from. A "
            "file serves every picture; in a folder, people/anna.jpg has people/anna.jpg or .png "
            "and all of people/anna/, and what has none is filled by a guess. Only file names "
            "count: faces are never matched to people.",
            show_default=False,
        ),
    ] = None
    variants: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="So many different guesses for each picture, as RESULT.1.jpg, RESULT.2.jpg and so "
            "on; the first is the usual one.",
            show_default="one, under the plain name",
        ),
    ] = None
    seed: Annotated[
        int,
        typer.Option(min=0, help="Of the further variants; the same one gives the same guesses."),
    ] = 0
    recursive: Annotated[
        bool,
        typer.Option("--recursive/--no-recursive", "-r/-R", help="Look into folders of folders."),
    ] = True
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Go on with what comes into the folder PATH, until Ctrl-C or SIGTERM. A file is "
            "taken once it has not changed for two seconds; with --json each is a line of JSON.",
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", "-n", help="Say what would be done; open and write nothing."),
    ] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON report on stdout and nothing else.")
    ] = False
    report: Annotated[
        Path | None,
        typer.Option(
            help="Also a table of the whole run, a line for each file and face, as this .csv file.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True)
class PictureOptions:
    """What is written for a picture."""

    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="Of all pictures written: jpeg, png, webp, tiff, bmp, gif, jp2, avif or ppm.",
            show_default="that of each input, or of the output's suffix",
            autocompletion=complete_format,
            rich_help_panel=_WRITTEN,
        ),
    ] = None
    quality: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Of JPEG, WebP and AVIF.",
            show_default="as the input, else 95",
            rich_help_panel=_WRITTEN,
        ),
    ] = None
    only_mask: Annotated[
        bool,
        typer.Option(
            "--only-mask",
            help="What would be filled, white, in place of the result, as PNG unless --format says "
            "otherwise; nothing is filled. --mask takes it back.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False
    side_by_side: Annotated[
        bool,
        typer.Option(
            "--side-by-side",
            help="Also before and after, all variants, in one picture, as RESULT.side_by_side.png.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False
    save_mask: Annotated[
        bool,
        typer.Option(
            "--save-mask",
            help="Also what was filled, white, as RESULT.hole.png.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also what each stage made of it and how long it took, as RESULT.explain.png.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False
    save_report: Annotated[
        bool,
        typer.Option(
            "--save-report",
            help="Also faces, times and models of each picture, as RESULT.report.json; for one "
            "report of the whole run see --json and --report.",
            rich_help_panel=_WRITTEN,
        ),
    ] = False


@dataclass(frozen=True)
class ExistingOptions:
    """What becomes of results that exist."""

    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a run that was stopped: what exists is finished, and only files that "
            "are missing are made. Without it a picture whose result exists is skipped.",
            rich_help_panel=_EXISTING,
        ),
    ] = False
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Make all anew, in place of what exists.", rich_help_panel=_EXISTING
        ),
    ] = False

    @property
    def treatment(self) -> Existing:
        """As `Outputs` takes it."""
        return "replace" if self.overwrite else "complete" if self.resume else "skip"


@dataclass(frozen=True)
class WorkOptions:
    """How the work is done."""

    device: DeviceOfStages = None
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Pictures that go through the stages together, and faces through the network.",
            show_default="8 on a GPU; 1 on a CPU, where more is no faster",
            rich_help_panel=_WORK,
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads that read and write pictures while the networks work; results do not "
            "depend on it.",
            show_default="as many as processors, at most 4",
            rich_help_panel=_WORK,
        ),
    ] = None
    engine: Annotated[
        str | None,
        typer.Option(
            help="ray works with Ray Data in --workers processes, here or in the cluster of "
            "RAY_ADDRESS; paths may then be URIs such as s3://bucket/photos.",
            show_default="this process alone",
            rich_help_panel=_WORK,
        ),
    ] = None
    gpus: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Of each of Ray's workers; with 0.25 four share a GPU.",
            rich_help_panel=_WORK,
        ),
    ] = 0.0
    column: Annotated[
        str | None,
        typer.Option(
            help="For Ray, PATH is a Parquet table; this column of it holds picture files, and its "
            "column 'name' their names.",
            show_default=False,
            rich_help_panel=_WORK,
        ),
    ] = None
    backend: Backend = None
