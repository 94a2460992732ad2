"""The options of `unmask run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from pipeline.commands.stage_options import Backend, DeviceOfStages, completing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.run.outputs import Existing


def _formats() -> Iterable[str]:
    from pipeline.run.folder import FORMATS

    return FORMATS


@dataclass(frozen=True)
class FileOptions:
    """What is worked on, and where it goes.

    Attributes:
        paths: Pictures, videos, folders or quoted globs; - is a picture on standard input.
        output: A file for a single input, otherwise a folder, in which the inputs' tree is kept; -
            is standard output.
        mask: Your own mask, white = fill, instead of detection: a file, or a folder with the
            pictures' names.
        reference: A photo of the same person without a mask, to take mouth, nose and chin from. A
            file serves every picture; in a folder, people/anna.jpg has people/anna.jpg or .png and
            all of people/anna/, and what has none is filled by a guess. Only file names count:
            faces are never matched to people.
        variants: So many different guesses for each picture, as RESULT.1.jpg, RESULT.2.jpg and so
            on; the first is the usual one.
        seed: Of the further variants; the same one gives the same guesses.
        recursive: Look into folders of folders.
        watch: Go on with what comes into the folder PATH, until Ctrl-C or SIGTERM. A file is taken
            once it has not changed for two seconds; with --json each is a line of JSON.
        dry_run: Say what would be done; open and write nothing.
        as_json: Print one JSON report on stdout and nothing else.
        report: Also a table of the whole run, a line for each file and face, as this .csv file.
    """

    paths: Annotated[list[str], typer.Argument(metavar="PATH")]
    output: Annotated[
        Path | None, typer.Option("--output", "-o", show_default="- for standard input")
    ] = None
    mask: Path | None = None
    reference: Path | None = None
    variants: Annotated[
        int | None, typer.Option(min=1, show_default="one, under the plain name")
    ] = None
    seed: Annotated[int, typer.Option(min=0)] = 0
    recursive: Annotated[bool, typer.Option("--recursive/--no-recursive", "-r/-R")] = True
    watch: bool = False
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n")] = False
    as_json: Annotated[bool, typer.Option("--json")] = False
    report: Path | None = None


@dataclass(frozen=True)
class PictureOptions:
    """What is written for a picture.

    Attributes:
        format: Of all pictures written: jpeg, png, webp, tiff, bmp, gif, jp2, avif or ppm.
        quality: Of JPEG, WebP and AVIF.
        only_mask: What would be filled, white, in place of the result, as PNG unless --format says
            otherwise; nothing is filled. --mask takes it back.
        side_by_side: Also before and after, all variants, in one picture, as
            RESULT.side_by_side.png.
        save_mask: Also what was filled, white, as RESULT.hole.png.
        explain: Also what each stage made of it and how long it took, as RESULT.explain.png.
        save_report: Also faces, times and models of each picture, as RESULT.report.json; for one
            report of the whole run see --json and --report.
    """

    panel: ClassVar = "What is written for a picture"

    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            show_default="that of each input, or of the output's suffix",
            autocompletion=completing(_formats),
        ),
    ] = None
    quality: Annotated[
        int | None, typer.Option(min=1, max=100, show_default="as the input, else 95")
    ] = None
    only_mask: bool = False
    side_by_side: bool = False
    save_mask: bool = False
    explain: bool = False
    save_report: bool = False


@dataclass(frozen=True)
class ExistingOptions:
    """What becomes of results that exist.

    Attributes:
        resume: Go on with a run that was stopped: what exists is finished, and only files that are
            missing are made. Without it a picture whose result exists is skipped.
        overwrite: Make all anew, in place of what exists.
    """

    panel: ClassVar = "Results that exist"

    resume: bool = False
    overwrite: bool = False

    @property
    def treatment(self) -> Existing:
        """As `Outputs` takes it."""
        return "replace" if self.overwrite else "complete" if self.resume else "skip"


@dataclass(frozen=True)
class WorkOptions:
    """How the work is done.

    Attributes:
        device: auto, cpu, cuda, cuda:N or mps.
        batch: Pictures that go through the stages together, and faces through the network.
        workers: Threads that read and write pictures while the networks work; results do not depend
            on it.
        engine: ray works with Ray Data in --workers processes, here or in the cluster of
            RAY_ADDRESS; paths may then be URIs such as s3://bucket/photos.
        gpus: Of each of Ray's workers; with 0.25 four share a GPU.
        column: For Ray, PATH is a Parquet table; this column of it holds picture files, and its
            column 'name' their names.
        backend: What computes the networks: torch, onnxruntime, openvino, or auto for the fastest
            that is installed.
    """

    panel: ClassVar = "How the work is done"

    device: DeviceOfStages = None
    batch: Annotated[
        int | None,
        typer.Option(min=1, show_default="8 on a GPU; 1 on a CPU, where more is no faster"),
    ] = None
    workers: Annotated[
        int | None, typer.Option(min=1, show_default="as many as processors, at most 4")
    ] = None
    engine: Annotated[str | None, typer.Option(show_default="this process alone")] = None
    gpus: Annotated[float, typer.Option(min=0.0)] = 0.0
    column: str | None = None
    backend: Backend = None
