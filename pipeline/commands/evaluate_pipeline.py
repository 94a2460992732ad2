"""`unmask evaluate pipeline`: whole pipelines, from picture to result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.command_options import command_options
from pipeline.commands.evaluation_options import (
    InstrumentOptions,
    SheetOptions,
    measured_comparison,
    read_stages,
)
from pipeline.commands.measured_report import ReportOptions
from weights.base.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.core import Pipeline
    from pipeline.evaluation.surroundings import UsedWeights


@command_options
def evaluate_pipeline(
    sets: Annotated[list[Path], typer.Argument(metavar="SET")],
    report: ReportOptions,
    measures: InstrumentOptions,
    sheets: SheetOptions,
    inpainters: Annotated[str, typer.Option("--inpainters", "--compare")] = "gated",
    config: list[Path] | None = None,
    detector: str = "yolo",
    refiner: str = "morphology",
    blender: str = "feather",
    count: Annotated[int, typer.Option(min=1)] = 200,
    split: str = "val",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    templates: Path | None = None,
    min_width: Annotated[float, typer.Option(min=0.0)] = 60.0,
    batch: Annotated[int, typer.Option(min=1)] = 4,
) -> None:
    """Measure whole pipelines on pictures with known masks.

    On faces with drawn masks the true face is known too, so the result is
    compared with it under the mask, whether or not the mask was found. Photos
    have no ground truth: how much of the masks is left counts, and whether a
    face is detected in the result. The number of changed known pixels must
    always be 0.

    Args:
        sets: Folders with a faces.jsonl, on whose faces masks are drawn, and .jsonl files of photos
            with mask outlines.
        report: Where the report goes.
        measures: What is measured beyond the pixels.
        sheets: Options of the picture sheets.
        inpainters: Inpainters, separated by commas, each in an otherwise identical pipeline.
            NAME@FILE takes weights from a .safetensors file. Or YAML with options.
        config: A pipeline as YAML, measured in addition to the others; may be repeated.
        detector: Detector of the pipelines: a name, or YAML with options.
        refiner: Refiner, likewise.
        blender: Blender, likewise.
        count: Number of faces per folder.
        split: Part of the faces.
        seed: Seeds the choice of faces and the drawn masks.
        templates: Folder of mask photos, used for some of the drawn masks.
        min_width: Masks on photos narrower than this, in pixels, do not count.
        batch: Pictures per batch.
    """
    from pipeline.evaluation.comparison import COMPARISON_FILES
    from pipeline.evaluation.writing import DOCUMENT_FILES, refuse_existing

    refuse_existing(report.output, (*DOCUMENT_FILES, *COMPARISON_FILES), overwrite=report.overwrite)

    from pipeline.configuration import read_configuration
    from pipeline.core import Pipeline
    from pipeline.evaluation import unmasking

    cases = _cases(sets, count, split, seed, templates, min_width)
    arguments: dict[str, dict[str, Any]] = {
        label: {
            "detector": _stage(detector, "--detector"),
            "refiner": _stage(refiner, "--refiner"),
            "inpainter": inpainter,
            "blender": _stage(blender, "--blender"),
            "low_masks": True,
        }
        for label, inpainter in read_stages(inpainters, "--inpainters").items()
    }
    for path in config or ():
        if path.stem in arguments:
            raise ConfigurationError(f"Two pipelines are called {path.stem!r}: rename {path}.")
        arguments[path.stem] = read_configuration(path)
    device = {"device": report.device}
    pipelines = {label: Pipeline(**{**device, **own}) for label, own in arguments.items()}
    instruments = measures.make(report.device)
    settings = {
        "sets": ", ".join(str(one) for one in sets),
        "split": split,
        "count": count,
        "seed": seed,
        "templates": str(templates or "none"),
        "min_width": min_width,
        "pipelines": "; ".join(f"{label}: {own}" for label, own in arguments.items()),
        **measures.settings(instruments),
    }
    measured_comparison(
        report,
        sheets,
        settings,
        _used_weights(pipelines),
        lambda **options: unmasking.evaluate_pipelines(
            pipelines, cases, batch=batch, instruments=instruments, seed=seed, **options
        ),
        lambda names: unmasking.unmasking_rows(pipelines, cases.only(names), names),
        metrics=unmasking.UNMASKING_METRICS,
        total=len(cases),
    )


def _used_weights(pipelines: Mapping[str, Pipeline]) -> dict[str, UsedWeights | None]:
    """The weights of the pipelines' stages, by their name in the report."""
    from pipeline.evaluation.surroundings import used_weights

    used = {}
    for label, one in pipelines.items():
        verifier = getattr(one.detector, "confirmation", None)
        used[label] = used_weights(one.inpainter, "inpainter")
        used[f"the detector of {label}"] = used_weights(one.detector, "detector")
        used[f"the confirmation of {label}"] = used_weights(verifier, "confirmation")
    return used


def _cases(
    sets: list[Path], count: int, split: str, seed: int, templates: Path | None, min_width: float
) -> Any:
    from detector.data.annotations import AnnotatedPicture, read_annotations
    from detector.synthesis import TemplateFolder
    from pipeline.evaluation.drawn_faces import DrawnFaces
    from pipeline.evaluation.unmasking import UnmaskingCases

    photos = None if templates is None else TemplateFolder(templates)
    drawn: list[DrawnFaces] = []
    photographs: dict[str, tuple[AnnotatedPicture, ...]] = {}
    for one in sets:
        if one.is_dir():
            drawn.append(DrawnFaces(one, split=split, count=count, seed=seed, templates=photos))
        elif one.stem in photographs:
            raise InputError(f"Two sets of photos are called {one.stem!r}: rename {one}.")
        else:
            photographs[one.stem] = read_annotations(one, split)
    return UnmaskingCases(drawn, photographs, min_width=min_width)


def _stage(text: str, option: str) -> Any:
    """One stage: its name, or YAML of a name and options."""
    listed = f"[{text}]" if text.lstrip().startswith("{") else text
    stages = read_stages(listed, option)
    if len(stages) != 1:
        raise ConfigurationError(f"{option} takes one stage, but got {', '.join(stages)}.")
    return next(iter(stages.values()))
