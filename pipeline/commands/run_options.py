"""The options of `unmask run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from pipeline.commands.stage_options import Backend, DeviceOfStages, completing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.run.outputs import Existing


def _formats() -> Iterable[str]:
    from pipeline.run.folder import FORMATS

    return FORMATS


def given_options(values: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    """The options of these names that have a value, as spelled on the command line."""
    return [f"--{name.replace('_', '-')}" for name in names if values[name]]


@dataclass(frozen=True)
class FileOptions:
    """Input files, and where results go.

    Attributes:
        paths: Pictures, videos, folders or quoted globs; - is a picture on standard input.
        output: A file for a single input, otherwise a folder, which mirrors the inputs' tree; - is
            standard output.
        mask: Your own mask, white = fill, instead of detection: a file, or a folder of files named
            like the pictures.
        reference: A photo of the same person without a mask, to take mouth, nose and chin from. A
            file serves every picture; in a folder, people/anna.jpg is served by people/anna.jpg or
            .png and all of people/anna/, and pictures without a photo are filled by a guess. Only
            file names count: faces are never matched to people.
        variants: Number of different guesses per picture, as RESULT.1.jpg, RESULT.2.jpg and so on;
            the first is the usual result.
        seed: Seeds the further variants; the same seed gives the same guesses.
        recursive: Include subfolders.
        watch: Keep processing files that arrive in the folder PATH, until Ctrl-C or SIGTERM. A file
            is taken once it has not changed for two seconds; with --json each gives a line of JSON.
        dry_run: Show what would be done; open and write nothing.
        as_json: Print one JSON report on stdout and nothing else.
        report: Also write a table of the whole run to this .csv file, a line per file and face.
    """

    paths: Annotated[list[str], typer.Argument(metavar="PATH")]
    output: Annotated[
        str | None, typer.Option("--output", "-o", show_default="- for standard input")
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
        only_mask: Fill nothing; write what would be filled, in white, instead of the result, as PNG
            unless --format is given. --mask accepts it.
        side_by_side: Also write before and after, with all variants, as RESULT.side_by_side.png.
        save_mask: Also write what was filled, in white, as RESULT.hole.png.
        explain: Also write each stage's output and time as RESULT.explain.png.
        save_report: Also write faces, times and models of each picture as RESULT.report.json; for a
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
    """How existing results are treated.

    Attributes:
        resume: Resume a stopped run: completes what exists and makes only missing files. Without it
            a picture whose result exists is skipped.
        overwrite: Replace existing results.
    """

    panel: ClassVar = "Results that exist"

    resume: bool = False
    overwrite: bool = False

    @property
    def treatment(self) -> Existing:
        """The treatment in the form that `Outputs` takes."""
        return "replace" if self.overwrite else "complete" if self.resume else "skip"


@dataclass(frozen=True)
class WorkOptions:
    """How the work is done.

    Attributes:
        device: auto, cpu, cuda, cuda:N or mps.
        batch: Pictures per batch of the stages, and faces per batch of the network.
        workers: Threads that read and write pictures while the networks work; has no effect on
            results.
        engine: ray works with Ray Data in --workers processes, here or in the cluster of
            RAY_ADDRESS; paths may then be URIs such as s3://bucket/photos.
        gpus: GPUs per Ray worker; with 0.25 four workers share one.
        column: With Ray, PATH is a Parquet table: this column holds the picture files, and the
            column 'name' their names.
        backend: What runs the networks: torch, onnxruntime, openvino, or auto for the fastest
            installed.
    """

    panel: ClassVar = "How the work is done"

    device: DeviceOfStages = None
    batch: Annotated[
        int | None,
        typer.Option(min=1, show_default="8 on a GPU; 1 on a CPU, where more are not faster"),
    ] = None
    workers: Annotated[
        int | None, typer.Option(min=1, show_default="as many as processors, at most 4")
    ] = None
    engine: Annotated[str | None, typer.Option(show_default="this process alone")] = None
    gpus: Annotated[float, typer.Option(min=0.0)] = 0.0
    column: str | None = None
    backend: Backend = None
