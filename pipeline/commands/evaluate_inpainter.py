"""`unmask evaluate inpainter` and `unmask evaluate freeze`: completion on known faces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.command_options import command_options
from pipeline.commands.evaluation_options import (
    InstrumentOptions,
    SheetOptions,
    measured_comparison,
    read_hole_specifications,
    read_stages,
)
from pipeline.commands.measured_report import ReportOptions
from pipeline.commands.progress import progress_bar
from weights.base.errors import InputError

if TYPE_CHECKING:
    from pipeline.evaluation.case_sets import CaseSet

Faces = Annotated[Path, typer.Argument(metavar="FACES")]


@dataclass(frozen=True)
class CaseOptions:
    r"""Which faces with which holes.

    Attributes:
        holes: face-mask, drawn-mask (what the refiner makes of a mask drawn on the face),
            centre-box, random-box, free-form, irregular (bands of area from 0.01-0.1 to 0.5-0.6,
            all equally often); several separated by commas; or YAML with options: '{name:
            irregular, band: \[0.2, 0.3]}'.
        framing: hole crops round the hole, as in the pipeline; face crops round the lower face and
            draws the hole on the crop.
        count: Number of faces.
        size: Side of the crops in pixels.
        split: Part of the faces.
        seed: Seeds the choice of faces and holes.
    """

    holes: str = "face-mask"
    framing: Annotated[
        str | None,
        typer.Option(show_default="hole for face-mask and for classes of your own, else face"),
    ] = None
    count: Annotated[int, typer.Option(min=1)] = 200
    size: Annotated[int, typer.Option(min=16)] = 256
    split: str = "val"
    seed: Annotated[int, typer.Option(min=0)] = 0

    def open(self, faces: Path) -> CaseSet:
        """Open the cases.

        Raises:
            ConfigurationError, InputError: as `open_cases`.
        """
        from pipeline.evaluation.case_sets import open_cases

        of_faces = {name: value for name, value in vars(self).items() if name != "holes"}
        return open_cases(faces, read_hole_specifications(self.holes), **of_faces)

    @property
    def configuration(self) -> dict[str, Any]:
        """The settings that go into a report."""
        return {**vars(self), "framing": self.framing or "auto"}


@command_options
def evaluate_inpainter(
    faces: Faces,
    report: ReportOptions,
    chosen: CaseOptions,
    measures: InstrumentOptions,
    sheets: SheetOptions,
    models: Annotated[str, typer.Option("--models", "--compare")] = "gated,telea",
    batch: Annotated[int, typer.Option(min=1)] = 8,
) -> None:
    r"""Measure inpainters side by side on the same faces with the same holes.

    The same seed gives the same faces and holes. Reports with the same
    checksum of these can be compared. Means have 95 % bootstrap intervals,
    also by hole area, kind of hole and mask, face size and face labels;
    systems are compared in pairs.

    Args:
        faces: Folder with a faces.jsonl, or of test cases that `unmask evaluate freeze` wrote.
        report: Where the report goes.
        chosen: Which faces with which holes.
        measures: What is measured beyond the pixels.
        sheets: Options of the picture sheets.
        models: Inpainters, separated by commas. NAME@FILE takes a network's weights from a
            .safetensors file. Or YAML with options: '\[telea, {name: gated, image_size: 512}]'.
        batch: Faces per batch.
    """
    from pipeline.evaluation.comparison import COMPARISON_FILES
    from pipeline.evaluation.writing import DOCUMENT_FILES, refuse_existing

    refuse_existing(report.output, (*DOCUMENT_FILES, *COMPARISON_FILES), overwrite=report.overwrite)
    read_hole_specifications(chosen.holes)

    from inpainter.evaluation import evaluate
    from inpainter.evaluation.stored_cases import StoredCases
    from pipeline.evaluation.surroundings import used_weights
    from pipeline.stages.registry import create_stage

    cases = chosen.open(faces)
    systems = {
        label: create_stage("inpainter", stage, device=report.device)
        for label, stage in read_stages(models, "--models").items()
    }
    for label, system in systems.items():
        if not cases.masked and evaluate.sees_hole(system):
            raise evaluate.needs_masks(label)
    instruments = measures.make(report.device)
    frozen = cases.configuration if isinstance(cases, StoredCases) else chosen.configuration
    settings = {
        "faces": str(faces),
        **frozen,
        "models": models,
        **measures.settings(instruments),
    }
    measured_comparison(
        report,
        sheets,
        settings,
        {label: used_weights(system, "inpainter") for label, system in systems.items()},
        lambda **options: evaluate.evaluate_inpainter(
            systems, cases, batch=batch, instruments=instruments, seed=chosen.seed, **options
        ),
        lambda names: evaluate.case_rows(systems, cases.only(names), names),
        metrics=evaluate.METRICS,
        total=len(cases),
    )


@command_options
def freeze(
    faces: Faces,
    output: Annotated[Path, typer.Option("--output", "-o")],
    chosen: CaseOptions,
) -> None:
    """Draw test cases once and write their pictures and holes to a folder.

    `unmask evaluate inpainter` takes the folder instead of faces. It fixes
    test cases across machines and versions; its checksum is verified on every
    read. The pictures are copies: their licences still apply.

    Args:
        faces: Folder with a faces.jsonl, or of test cases that `unmask evaluate freeze` wrote.
        output: Folder for the test cases.
        chosen: Which faces with which holes.
    """
    from inpainter.evaluation.stored_cases import LIST_FILE, store_cases
    from pipeline.evaluation.case_sets import is_stored
    from pipeline.evaluation.writing import refuse_existing

    if is_stored(faces):
        raise InputError(f"{faces} already holds frozen test cases: give a folder of faces.")
    refuse_existing(output, (LIST_FILE,), overwrite=False)
    cases = chosen.open(faces)
    with progress_bar("Freezing", len(cases), unit="faces") as advance:
        checksum = store_cases(cases, output, configuration=chosen.configuration, progress=advance)
    typer.echo(f"Written: {output}, checksum of the holes {checksum[:16]}")
