"""`unmask evaluate inpainter` and `unmask evaluate freeze`: completion on known faces."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Optional

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
    read_hole_specifications,
    read_stages,
)
from pipeline.commands.progress import progress_bar

Faces = Annotated[
    Path,
    typer.Argument(
        metavar="FACES",
        help="Folder with a faces.jsonl, or of test cases that `unmask evaluate freeze` wrote.",
        show_default=False,
    ),
]
Holes = Annotated[
    str,
    typer.Option(
        help="face-mask, drawn-mask (what the refiner makes of a mask drawn on the face), "
        "centre-box, random-box, free-form, irregular (bands of area from 0.01-0.1 to 0.5-0.6, "
        "all equally often); several separated by commas; or YAML with "
        "options: '{name: irregular, band: \\[0.2, 0.3]}'."
    ),
]
Framing = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option(
        help="hole: cropped round the hole, as in the pipeline; face: cropped round the lower "
        "face, and the hole drawn on the crop.",
        show_default="hole for face-mask and for classes of your own, else face",
    ),
]
Count = Annotated[int, typer.Option(min=1, help="How many faces.")]
Size = Annotated[int, typer.Option(min=16, help="Side of the crops in pixels.")]
Split = Annotated[str, typer.Option(help="Part of the faces.")]
Seed = Annotated[int, typer.Option(min=0, help="Chooses faces and holes.")]


def evaluate_inpainter(
    faces: Faces,
    output: Output,
    models: Annotated[
        str,
        typer.Option(
            "--models",
            "--compare",
            help="Inpainters, separated by commas. NAME@FILE takes a network's weights from a "
            ".safetensors file. Or YAML with options: '\\[telea, {name: gated, image_size: 512}]'.",
        ),
    ] = "gated,telea",
    holes: Holes = "face-mask",
    framing: Framing = None,
    count: Count = 200,
    size: Size = 256,
    split: Split = "val",
    seed: Seed = 0,
    batch: Annotated[int, typer.Option(min=1, help="Faces given to a model at once.")] = 8,
    landmarks: Landmarks = False,
    identity: Identity = False,
    lpips: Lpips = None,
    features: Features = None,
    realism: Realism = None,
    sheet: Annotated[
        int, typer.Option(min=0, help="Faces on each sheet: best, median, worst.")
    ] = 6,
    rank: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Metric of report.json by which the sheets are chosen.",
            show_default="lpips or ssim_hole",
        ),
    ] = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure inpainters side by side on the same faces with the same holes.

    The same seed gives the same faces and holes; their checksum is in the
    report, and two reports compare where it is the same. Means come with
    95 % bootstrap intervals, by hole area, kind of hole and mask, size of the
    face and the labels of the faces; systems are compared pair by pair.
    """
    from pipeline.evaluation.comparison import COMPARISON_FILES
    from pipeline.evaluation.writing import DOCUMENT_FILES, refuse_existing

    refuse_existing(output, (*DOCUMENT_FILES, *COMPARISON_FILES), overwrite=overwrite)
    specifications = read_hole_specifications(holes)

    from inpainter.evaluation import evaluate
    from inpainter.evaluation.stored_cases import StoredCases
    from pipeline.evaluation.case_sets import open_cases
    from pipeline.evaluation.surroundings import used_weights
    from pipeline.stages.registry import create_stage

    cases = open_cases(
        faces, specifications, split=split, count=count, size=size, seed=seed, framing=framing
    )
    systems = {
        label: create_stage("inpainter", stage, device=device)
        for label, stage in read_stages(models, "--models").items()
    }
    for label, system in systems.items():
        if not cases.masked and evaluate.sees_hole(system):
            raise evaluate.needs_masks(label)
    instruments = make_instruments(
        landmarks=landmarks,
        identity=identity,
        lpips=lpips,
        features=features,
        realism=realism,
        device=device,
    )
    settings = {
        "faces": str(faces),
        **(
            cases.configuration
            if isinstance(cases, StoredCases)
            else {
                "split": split,
                "count": count,
                "size": size,
                "seed": seed,
                "holes": holes,
                "framing": framing or "auto",
            }
        ),
        "models": models,
        "landmarks": landmarks,
        "identity": identity,
        "lpips": lpips or "none",
        "features": features or "none",
        "realism": instruments.realism is not None,
    }
    used = {label: used_weights(system, "inpainter") for label, system in systems.items()}
    measured_comparison(
        output,
        settings,
        {label: weights for label, weights in used.items() if weights is not None},
        partial(
            evaluate.evaluate_inpainter,
            systems,
            cases,
            batch=batch,
            instruments=instruments,
            seed=seed,
        ),
        lambda names: evaluate.case_rows(systems, cases.only(names), names),
        metrics=evaluate.METRICS,
        total=len(cases),
        device=device,
        sheet=sheet,
        rank=rank,
        overwrite=overwrite,
        as_json=as_json,
    )


def freeze(
    faces: Faces,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for the test cases.", show_default=False),
    ],
    holes: Holes = "face-mask",
    framing: Framing = None,
    count: Count = 200,
    size: Size = 256,
    split: Split = "val",
    seed: Seed = 0,
) -> None:
    """Draw test cases once, and write pictures and holes to a folder.

    `unmask evaluate inpainter` takes the folder instead of faces. It keeps
    test cases fixed over machines and versions; its checksum is checked
    whenever it is read. The pictures are copies: their licences go with them.
    """
    from inpainter.evaluation.stored_cases import LIST_FILE, store_cases
    from pipeline.evaluation.case_sets import is_stored, open_cases
    from pipeline.evaluation.writing import refuse_existing
    from weights.base.errors import InputError

    if is_stored(faces):
        raise InputError(f"{faces} holds frozen test cases already: give a folder of faces.")
    refuse_existing(output, (LIST_FILE,), overwrite=False)
    cases = open_cases(
        faces,
        read_hole_specifications(holes),
        split=split,
        count=count,
        size=size,
        seed=seed,
        framing=framing,
    )
    configuration = {
        "split": split,
        "count": count,
        "size": size,
        "seed": seed,
        "holes": holes,
        "framing": framing or "auto",
    }
    with progress_bar("Freezing", len(cases), unit="faces") as advance:
        checksum = store_cases(cases, output, configuration=configuration, progress=advance)
    typer.echo(f"Written: {output}, checksum of the holes {checksum[:16]}")
