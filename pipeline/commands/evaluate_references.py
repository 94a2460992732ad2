"""`unmask evaluate references`: what a photo of the same person without a mask is good for."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated, Literal

import typer

from pipeline.commands.evaluation_options import (  # noqa: TC001 - likewise
    Identity,
    Landmarks,
    Overwrite,
    Realism,
)
from pipeline.commands.stage_options import Device  # noqa: TC001 - typer reads it at run time


def evaluate_references(
    faces: Annotated[
        Path,
        typer.Argument(
            metavar="FACES",
            help="Folder with a faces.jsonl whose entries name a 'person'; those who are there "
            "twice count.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the figures.", show_default=False)
    ],
    points: Annotated[
        Literal["found", "annotated"],
        typer.Option(help="Landmarks that the network finds, or those of faces.jsonl."),
    ] = "found",
    split: Annotated[str, typer.Option(help="Part of the faces.")] = "test",
    count: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many photos.", show_default="all"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the masks.")] = 0,
    landmarks: Landmarks = False,
    identity: Identity = False,
    realism: Realism = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Measure filling from reference photos on people of whom there are two photos.

    A mask is drawn on one photo and the other is the reference, both ways. The
    figures go to references.json, the pictures to references.png.
    """
    from itertools import islice

    from inpainter.evaluation.picture_sheet import draw_sheet
    from inpainter.metrics import DlibIdentity
    from pipeline.commands.evaluation_options import InstrumentOptions
    from pipeline.core import Pipeline
    from pipeline.evaluation.references import (
        AnnotatedLandmarks,
        measure_references,
        reference_pairs,
    )
    from pipeline.evaluation.writing import refuse_existing
    from weights.base.atomic import atomic_path
    from weights.images.mark import make_mark, save_marked

    names = "references.json", "references.png"
    refuse_existing(output, names, overwrite=overwrite)
    instruments = InstrumentOptions(landmarks=landmarks, realism=realism).make(device)
    pipeline = Pipeline(device=device)
    pairs = list(islice(reference_pairs(faces, pipeline, split=split, seed=seed), count))
    if points == "annotated":
        pipeline = Pipeline(device=device, landmarks=AnnotatedLandmarks(pairs))
    measured = measure_references(
        pairs,
        pipeline,
        identity=DlibIdentity() if identity else None,
        finder=instruments.finder,
        features=instruments.realism,
        said=lambda line: typer.echo(line, err=True),
    )
    report = {"points": points, "figures": measured.figures, "refusals": measured.refusals}
    text = json.dumps(report, indent=2, ensure_ascii=False)
    with atomic_path(output / names[0], overwrite=overwrite) as path:
        path.write_text(text + "\n", encoding="utf-8")
    if measured.rows:
        with atomic_path(output / names[1], overwrite=overwrite) as path:
            save_marked(draw_sheet(measured.rows, 224), path, make_mark(from_reference=True))
    typer.echo(text)
