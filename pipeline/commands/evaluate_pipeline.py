"""`unmask evaluate pipeline`: everything from the picture to the result."""

from __future__ import annotations

from functools import partial
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated, Any, Optional

import typer

from pipeline.commands.evaluation_options import (
    AsJson,
    Device,
    Features,
    Identity,
    Landmarks,
    Lpips,
    Output,
    Overwrite,
    Realism,
    make_instruments,
    measured_comparison,
    read_stages,
)


def evaluate_pipeline(
    sets: Annotated[
        list[Path],
        typer.Argument(
            metavar="SET",
            help="Folders with a faces.jsonl, on whose faces masks are drawn, and annotated "
            "photos: .jsonl files with outlines of masks.",
            show_default=False,
        ),
    ],
    output: Output,
    inpainters: Annotated[
        str,
        typer.Option(
            "--inpainters",
            "--compare",
            help="Inpainters, separated by commas, each in a pipeline that is the same otherwise. "
            "NAME@FILE takes weights from a .safetensors file. Or YAML with options.",
        ),
    ] = "gated",
    config: Annotated[
        Optional[list[Path]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            help="A pipeline as YAML, measured beside the others; may be given again.",
            show_default=False,
        ),
    ] = None,
    detector: Annotated[
        str, typer.Option(help="Detector of the pipelines: a name, or YAML with options.")
    ] = "yolo",
    refiner: Annotated[str, typer.Option(help="Refiner, likewise.")] = "morphology",
    blender: Annotated[str, typer.Option(help="Blender, likewise.")] = "feather",
    count: Annotated[int, typer.Option(min=1, help="How many faces of each folder.")] = 200,
    split: Annotated[str, typer.Option(help="Part of the faces.")] = "val",
    seed: Annotated[int, typer.Option(min=0, help="Chooses faces and draws masks.")] = 0,
    templates: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of mask photos, to draw some of the masks with."),
    ] = None,
    min_width: Annotated[
        float, typer.Option(min=0.0, help="Masks on photos narrower than this do not count.")
    ] = 60.0,
    batch: Annotated[int, typer.Option(min=1, help="Pictures given to a pipeline at once.")] = 4,
    landmarks: Landmarks = False,
    identity: Identity = False,
    lpips: Lpips = None,
    features: Features = None,
    realism: Realism = None,
    sheet: Annotated[
        int, typer.Option(min=0, help="Pictures on each sheet: best, median, worst.")
    ] = 6,
    rank: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Metric of report.json by which the sheets are chosen.",
            show_default="lpips, ssim_hole or mask_left",
        ),
    ] = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure whole pipelines on pictures whose masks are known.

    On faces with drawn masks the true face is known too, so the result is
    measured against it where the mask was, whether the mask was found or not.
    On photos there is no truth: what is left of the masks counts, and whether
    a face is seen in the result. Known pixels changed must be 0 throughout.
    """
    from pipeline.evaluation.comparison import COMPARISON_FILES
    from pipeline.evaluation.writing import DOCUMENT_FILES, refuse_existing

    refuse_existing(output, (*DOCUMENT_FILES, *COMPARISON_FILES), overwrite=overwrite)

    from pipeline.configuration import read_configuration
    from pipeline.core import Pipeline
    from pipeline.evaluation import unmasking
    from pipeline.evaluation.surroundings import UsedWeights, used_weights
    from weights.base.errors import ConfigurationError

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
    pipelines = {label: Pipeline(**{"device": device, **own}) for label, own in arguments.items()}
    instruments = make_instruments(
        landmarks=landmarks,
        identity=identity,
        lpips=lpips,
        features=features,
        realism=realism,
        device=device,
    )
    used: dict[str, UsedWeights] = {}
    for label, one in pipelines.items():
        for key, stage, kind in (
            (label, one.inpainter, "inpainter"),
            (f"the detector of {label}", one.detector, "detector"),
            (
                f"the confirmation of {label}",
                getattr(one.detector, "confirmation", None),
                "confirmation",
            ),
        ):
            found = used_weights(stage, kind)  # type: ignore[arg-type]  # both are weight kinds
            if found is not None:
                used[key] = found
    settings = {
        "sets": ", ".join(str(one) for one in sets),
        "split": split,
        "count": count,
        "seed": seed,
        "templates": str(templates or "none"),
        "min_width": min_width,
        "pipelines": "; ".join(f"{label}: {own}" for label, own in arguments.items()),
        "landmarks": landmarks,
        "identity": identity,
        "lpips": lpips or "none",
        "features": features or "none",
        "realism": instruments.realism is not None,
    }
    measured_comparison(
        output,
        settings,
        used,
        partial(
            unmasking.evaluate_pipelines,
            pipelines,
            cases,
            batch=batch,
            instruments=instruments,
            seed=seed,
        ),
        lambda names: unmasking.unmasking_rows(pipelines, cases.only(names), names),
        metrics=unmasking.UNMASKING_METRICS,
        total=len(cases),
        device=device,
        sheet=sheet,
        rank=rank,
        overwrite=overwrite,
        as_json=as_json,
    )


def _cases(
    sets: list[Path], count: int, split: str, seed: int, templates: Path | None, min_width: float
) -> Any:
    from detector.data.annotations import AnnotatedPicture, read_annotations
    from detector.synthesis import TemplateFolder
    from pipeline.evaluation.drawn_faces import DrawnFaces
    from pipeline.evaluation.unmasking import UnmaskingCases
    from weights.base.errors import InputError

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
    from weights.base.errors import ConfigurationError

    listed = f"[{text}]" if text.lstrip().startswith("{") else text
    stages = read_stages(listed, option)
    if len(stages) != 1:
        raise ConfigurationError(f"{option} takes one stage, but got {', '.join(stages)}.")
    return next(iter(stages.values()))
