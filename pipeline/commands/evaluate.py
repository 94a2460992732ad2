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

INPAINTER_FILES = ("report.md", "report.json", "cases.csv", "sheet.png")
DETECTION_FILES = ("report.md", "report.json", "masks.csv", "pictures.csv", "sheet.png")

LEAST_CONFIDENCE = 0.01
"""Score down to which YOLO is asked for regions when it is measured."""


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
            "NAME@FILE takes a network's weights from a .safetensors file. Or YAML with options: "
            "'\\[telea, {name: gated, image_size: 512}]'."
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
    _refuse_existing(output, INPAINTER_FILES, overwrite)
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
        for label, stage in read_stages(models, "--models").items()
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


@app.command("detector")
def detector_(
    sets: Annotated[
        list[Path],
        typer.Argument(
            metavar="SET",
            help="Annotated sets, measured together: .jsonl files with outlines of masks, or a "
            "data.yaml as `unmask synthesize` writes it.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for report.md, report.json, masks.csv, pictures.csv and sheet.png.",
            show_default=False,
        ),
    ],
    weights: Annotated[
        str, typer.Option(help="default, a name of the catalog, or a .safetensors file.")
    ] = "default",
    detector: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Another detector than YOLO: a registered name or package.module:Class.",
            show_default="yolo",
        ),
    ] = None,
    refiners: Annotated[
        str,
        typer.Option(
            help="Refiners, separated by commas, measured beside the detector's own masks. Or YAML "
            "with options: '\\[morphology, {name: morphology, growth: 0}]'."
        ),
    ] = "morphology",
    confidence: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Least score of a found mask.")
    ] = 0.25,
    min_width: Annotated[
        float, typer.Option(min=0.0, help="Masks narrower than this do not count, in pixels.")
    ] = 60.0,
    image_size: Annotated[int, typer.Option(min=32, help="Side at which YOLO works.")] = 640,
    part: Annotated[str, typer.Option(help="Part of a data.yaml.")] = "val",
    sheet: Annotated[
        int, typer.Option(min=0, help="Pictures on the sheet; those with errors come first.")
    ] = 12,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a report that exists.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print report.json on stdout and nothing else.")
    ] = False,
) -> None:
    """Measure a detector, and what refiners make of its masks, on annotated pictures.

    Reports precision, recall and average precision, the quality of the
    outlines before and after refinement, and the share of the pictures
    without masks that would be changed.
    """
    _refuse_existing(output, DETECTION_FILES, overwrite)

    from detector.annotations import read_annotations
    from detector.evaluation import evaluate_detector
    from pipeline.detection_report import draw_detections, write_detection_report
    from pipeline.registry import create_stage

    pictures = [picture for one in sets for picture in read_annotations(one, part)]
    specification: Any = detector or "yolo"
    if specification == "yolo":
        # Average precision asks for regions of low score too.
        specification = {
            "name": "yolo",
            "weights": weights,
            "confidence": LEAST_CONFIDENCE,
            "image_size": image_size,
        }
    finder = create_stage("detector", specification, device=device)
    refinements = {
        label: create_stage("refiner", stage, device=device).refine
        for label, stage in read_stages(refiners, "--refiners").items()
    }
    with _progress("Measuring", len(pictures)) as advance:
        report = evaluate_detector(
            finder,
            pictures,
            refinements=refinements,
            confidence=confidence,
            min_width=min_width,
            progress=lambda done, _: advance(done),
        )
    configuration = {
        "sets": ", ".join(str(one) for one in sets),
        "detector": detector or "yolo",
        "weights": weights,
        "image_size": image_size,
        "refiners": refiners,
        "device": device,
        **_versions(),
    }
    rows = draw_detections(report, pictures, finder, refinements, sheet) if sheet else []
    written = write_detection_report(
        report, output, configuration=configuration, sheet=rows, overwrite=overwrite
    )
    if as_json:
        typer.echo((output / "report.json").read_text(encoding="utf-8"), nl=False)
        return
    for what, value in report.table_rows():
        typer.echo(f"{what:<55}{value:>8}")
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


def read_stages(text: str, option: str) -> dict[str, Any]:
    """Turn a list of stages into labels and what `pipeline.registry.create_stage` takes.

    Args:
        text: names separated by commas, each "NAME", "package.module:Class" or "NAME@FILE" for
            weights from a file; or a YAML list of names and of mappings of a name and options.
        option: the option's name, for errors.

    Returns:
        Label to specification, in order; the label is the part itself, or its class's name.

    Raises:
        ConfigurationError: there is no name, one is there twice, or it is no list.
    """
    from weights.errors import ConfigurationError

    wrong = ConfigurationError(
        f"{option} must be names separated by commas, each NAME or NAME@FILE, or a YAML list, "
        f"but is {text!r}."
    )
    parts: list[Any] = text.split(",")
    if text.lstrip().startswith("["):
        import yaml

        try:
            parts = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise wrong from error
    stages: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, dict) and isinstance(part.get("name"), str):
            options = ", ".join(f"{key} {value}" for key, value in part.items() if key != "name")
            label, stage = f"{part['name']} ({options})" if options else part["name"], part
        elif isinstance(part, str):
            label, stage = _read_stage(part.strip())
        else:
            raise wrong
        if not label:
            raise wrong
        if label in stages:
            raise ConfigurationError(f"{option} names {label!r} twice.")
        stages[label] = stage
    return stages


def _read_stage(text: str) -> tuple[str, Any]:
    """The label and the specification of "NAME" or "NAME@FILE"; an empty label where malformed."""
    name, separator, weights = text.partition("@")
    if separator:
        return (text if name and weights else ""), {"name": name, "weights": weights}
    return name.rpartition(":")[2], name


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

    from weights.provenance import unmask_version

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
