"""`unmask evaluate`: how good a stage is, on which pictures, for whom, next to what."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

app = typer.Typer(
    name="evaluate",
    add_completion=False,
    no_args_is_help=True,
)


@app.callback()
def evaluate() -> None:
    """Measure a stage on pictures for which the truth is known."""


HOLE_NAMES = {"face-mask": "detector.synthesis.holes:FaceMaskHoles"}
"""Names of hole generators that `inpainter` does not know, because they lie in another package."""


@app.command("inpainter")
def inpainter_(
    faces: Annotated[
        Path,
        typer.Argument(metavar="FACES", help="Folder with a faces.jsonl.", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for report.md, report.json, cases.csv and sheet.png.",
            show_default=False,
        ),
    ],
    models: Annotated[
        str,
        typer.Option(
            help="Inpainters, separated by commas; the first is compared to the others. "
            "NAME@FILE takes a network's weights from a .safetensors file."
        ),
    ] = "gated,telea",
    holes: Annotated[
        str,
        typer.Option(
            help="face-mask, centre-box, random-box, free-form, irregular, or YAML with options: "
            "'{name: irregular, band: [0.2, 0.3]}'."
        ),
    ] = "face-mask",
    framing: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            help="hole: cropped round the hole, as in the pipeline; face: cropped round the lower "
            "face, and the hole drawn on the crop.",
            show_default="hole for face-mask and for classes of your own, else face",
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many faces.")] = 200,
    size: Annotated[int, typer.Option(min=16, help="Side of the crops in pixels.")] = 256,
    split: Annotated[str, typer.Option(help="Part of the faces.")] = "val",
    seed: Annotated[int, typer.Option(min=0, help="Chooses faces and holes.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Faces given to a model at once.")] = 8,
    landmarks: Annotated[
        bool,
        typer.Option(
            "--landmarks",
            help="Also look for the face and its landmarks in each result (needs the extra "
            "'landmarks').",
        ),
    ] = False,
    sheet: Annotated[int, typer.Option(min=0, help="Faces on the picture sheet.")] = 12,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a report that exists.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print report.json on stdout and nothing else.")
    ] = False,
) -> None:
    """Measure inpainters side by side on the same faces with the same holes.

    The same seed gives the same faces and holes; their checksum is in the
    report, and two reports compare where it is the same. Means come with
    95 % bootstrap intervals, by hole area and by the labels of the faces.
    """
    _refuse_existing(output, ("report.md", "report.json", "cases.csv", "sheet.png"), overwrite)
    spec = read_hole_specification(holes)
    if framing is None:
        framing = "hole" if holes in HOLE_NAMES or ":" in _name_of(spec) else "face"

    from inpainter.evaluation import evaluate_inpainter
    from inpainter.frozen import FrozenCases
    from inpainter.holes import create_holes
    from pipeline.registry import create_stage

    cases = FrozenCases(
        faces,
        create_holes(spec),
        split=split,
        count=count,
        size=size,
        seed=seed,
        framing=framing,  # type: ignore[arg-type]  # FrozenCases checks it
    )
    systems = {
        label: create_stage("inpainter", stage, device=device)
        for label, stage in read_models(models).items()
    }
    finder = None
    if landmarks:
        from inpainter.metrics import DlibLandmarks

        finder = DlibLandmarks()
    configuration = {
        "faces": str(faces),
        "split": split,
        "count": count,
        "size": size,
        "seed": seed,
        "holes": holes,
        "framing": framing,
        "models": models,
        "device": device,
        **_versions(),
    }
    with _progress("Measuring", len(cases)) as advance:
        report = evaluate_inpainter(
            systems,
            cases,
            batch=batch,
            finder=finder,
            sheet_rows=sheet,
            configuration=configuration,
            progress=advance,
        )
    written = report.write(output, overwrite=overwrite)
    if as_json:
        typer.echo(report.to_json(), nl=False)
        return
    _print_estimates(report)
    typer.echo("Written: " + ", ".join(str(path) for path in written))


def read_hole_specification(text: str) -> Any:
    """Turn the option --holes into what `inpainter.holes.create_holes` takes.

    Args:
        text: a name of `HOLE_NAMES` or of `inpainter.holes.list_holes`, a dotted path, or a YAML
            mapping of a name and options.

    Raises:
        ConfigurationError: the text starts like a mapping and is none.
    """
    if not text.lstrip().startswith("{"):
        return HOLE_NAMES.get(text, text)
    import yaml

    from weights.errors import ConfigurationError

    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"--holes {text!r} is not valid YAML.") from error
    name = spec.get("name")
    return {**spec, "name": HOLE_NAMES.get(name, name)}


def _name_of(spec: Any) -> str:
    return str(spec.get("name")) if isinstance(spec, dict) else str(spec)


def read_models(text: str) -> dict[str, Any]:
    """Turn the option --models into labels and what `pipeline.registry.create_stage` takes.

    Args:
        text: names separated by commas, each "NAME", "package.module:Class" or "NAME@FILE".

    Returns:
        Label to specification, in order; the label is the part itself, or its class's name.

    Raises:
        ConfigurationError: there is no name, or one is there twice.
    """
    from weights.errors import ConfigurationError

    models: dict[str, Any] = {}
    for part in (one.strip() for one in text.split(",")):
        name, separator, weights = part.partition("@")
        if not name or (separator and not weights):
            raise ConfigurationError(
                f"--models must be names separated by commas, each NAME or NAME@FILE, "
                f"but is {text!r}."
            )
        label = part if weights else name.rpartition(":")[2]
        if label in models:
            raise ConfigurationError(f"--models names {label!r} twice.")
        models[label] = {"name": name, "weights": weights} if weights else name
    return models


def _refuse_existing(folder: Path, names: tuple[str, ...], overwrite: bool) -> None:
    """Say before the work, not after it, that a report is in the way.

    Raises:
        OutputError: one of the files exists and `overwrite` is False.
    """
    from weights.errors import OutputError

    for name in names:
        if (folder / name).exists() and not overwrite:
            raise OutputError(f"{folder / name} exists already; --overwrite replaces it.")


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from pipeline.provenance import unmask_version

    libraries = ("torch", "opencv-python", "scikit-image", "numpy")
    return {"unmask": unmask_version()} | {name: version(name) for name in libraries}


@contextmanager
def _progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that takes the number done; a bar on stderr shows it to people."""
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
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.update(task, completed=done)


def _print_estimates(report: Any) -> None:
    """Print one line per metric and one column per system, which fits a terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table("metric", *report.systems, box=None, pad_edge=False)
    for metric in report.metrics:
        cells = []
        for system in report.systems:
            estimate = report.estimate(system, metric.name)
            digits = metric.decimals
            cells.append(
                f"{estimate.mean:.{digits}f} ({estimate.low:.{digits}f} to "
                f"{estimate.high:.{digits}f})"
                if estimate.count
                else "-"
            )
        table.add_row(metric.title, *cells)
    console = Console()
    console.print(table)
    cases = len(report.values(report.systems[0], report.metrics[0].name))
    console.print(f"{cases} faces, 95 % bootstrap intervals, holes {report.checksum[:16]}")
