"""`unmask evaluate references`: how well filling from a reference photo works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.commands.command_options import command_options
from pipeline.commands.evaluation_options import InstrumentOptions, Realism
from pipeline.commands.stage_options import Device
from weights.base.atomic import atomic_path, write_whole


@command_options
def evaluate_references(
    faces: Annotated[Path, typer.Argument(metavar="FACES")],
    output: Annotated[Path, typer.Option("--output", "-o")],
    points: Literal["found", "annotated"] = "found",
    split: str = "test",
    count: Annotated[int | None, typer.Option(min=1, show_default="all")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    landmarks: bool = False,
    identity: bool = False,
    realism: Realism = None,
    device: Device = "auto",
    overwrite: bool = False,
) -> None:
    """Measure filling from reference photos on people with two photos each.

    A mask is drawn on one photo and the other is the reference, both ways. The
    figures go to references.json, the pictures to references.png.

    Args:
        faces: Folder with a faces.jsonl whose entries name a 'person'; only people with two photos
            count.
        output: Folder for the figures.
        points: Landmarks found by the network, or those of faces.jsonl.
        split: Part of the faces.
        count: Maximum number of photos.
        seed: Seeds the drawn masks.
        landmarks: Also detect the face and its landmarks in each result (extra 'landmarks').
        identity: Also compare true and filled face with dlib's face network, for information only.
        realism: Distance between the sets of fills and photos, and whether a classifier can tell
            them apart (extra 'evaluate').
        device: auto, cpu, cuda, cuda:N or mps.
        overwrite: Replace an existing report.
    """
    from itertools import islice

    from inpainter.evaluation.picture_sheet import draw_sheet
    from inpainter.metrics import DlibIdentity
    from pipeline.core import Pipeline
    from pipeline.evaluation.references import (
        AnnotatedLandmarks,
        measure_references,
        reference_pairs,
    )
    from pipeline.evaluation.writing import refuse_existing
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
    write_whole(output / names[0], text + "\n", overwrite=overwrite)
    if measured.rows:
        with atomic_path(output / names[1], overwrite=overwrite) as path:
            save_marked(draw_sheet(measured.rows, 224), path, make_mark(from_reference=True))
    typer.echo(text)
