"""`unmask synthesize`: a data set of drawn masks, for training both networks."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated, Literal

import typer

from pipeline.commands.progress import progress_bar


def synthesize(
    faces: Annotated[
        Path,
        typer.Argument(help="Folder with faces.jsonl, or of pictures with --landmarks network."),
    ],
    out: Annotated[
        Path, typer.Argument(help="New folder, or one that an earlier run began: it goes on.")
    ],
    pairs: Annotated[
        int, typer.Option(min=0, help="Masks drawn on each face for the inpainter; 0 makes none.")
    ] = 1,
    scenes: Annotated[
        int, typer.Option(min=0, help="Composed pictures for the detector; 0 makes none.")
    ] = 2000,
    size: Annotated[
        int | None,
        typer.Option(
            min=64,
            max=1024,
            help="Side of the pairs' pictures, cut round the hole as the completion network sees "
            "them; whole pictures at their own sizes without it.",
        ),
    ] = None,
    scene_size: Annotated[
        int, typer.Option(min=64, max=4096, help="Longer side of the scenes.")
    ] = 640,
    seed: Annotated[int, typer.Option(help="Number that all chance comes from.")] = 0,
    splits: Annotated[
        str, typer.Option(help="Shares of the parts; a split in faces.jsonl goes first.")
    ] = "train=0.9,val=0.07,test=0.03",
    maskless: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of scenes in which nobody wears a mask.")
    ] = 0.2,
    templates: Annotated[
        Path | None,
        typer.Option(help="Folder with photos of masks and masks.cfg, used beside drawn masks."),
    ] = None,
    negatives: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures without masks, shown in scenes."),
    ] = None,
    photographs: Annotated[
        Path | None,
        typer.Option(help="A .jsonl of real photos with outlines of masks, added to the scenes."),
    ] = None,
    measuring: Annotated[
        Path | None,
        typer.Option(help="Folder of measuring pictures; photos that resemble one are left out."),
    ] = None,
    refiner: Annotated[
        str, typer.Option(help="Refiner that makes the holes of the pairs.")
    ] = "morphology",
    picture_format: Annotated[
        Literal["jpeg", "png"], typer.Option("--format", help="How the pairs are stored.")
    ] = "jpeg",
    landmarks: Annotated[
        Literal["annotations", "network", "dlib"],
        typer.Option(
            help="Where landmarks come from: faces.jsonl, or found, which writes a faces.jsonl "
            "into OUT: by the network that ships, of one face a picture, or dlib (an extra)."
        ),
    ] = "annotations",
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 takes one for each core.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Draw masks on faces: pairs for the inpainter and labelled scenes for the detector."""
    from pipeline.dataset.builder import build_dataset
    from pipeline.dataset.face_source import find_pictures, gather_faces, store_faces
    from pipeline.dataset.photographs import add_photographs
    from pipeline.dataset.settings import DatasetSettings
    from pipeline.dataset.split import parse_shares, split_faces

    settings = DatasetSettings(
        seed=seed,
        pairs=pairs,
        scenes=scenes,
        size=size,
        scene_size=scene_size,
        shares=parse_shares(splits),
        maskless=maskless,
        templates=templates,
        negatives=negatives,
        refiner=refiner,
        picture_format=picture_format,
    )
    with progress_bar("Finding landmarks", unit="faces", shown=not quiet) as show:
        annotated, rejects = gather_faces(
            faces, out, landmarks, workers=workers or None, progress=show
        )
    with progress_bar("Drawing masks", shown=not quiet) as show:
        summary = build_dataset(
            annotated, out, settings, workers=workers or None, progress=show, unusable=rejects
        )
    if landmarks != "annotations":
        parts = split_faces(annotated, settings.shares, settings.seed)
        typer.echo(f"faces with landmarks: {store_faces(annotated, parts, out)}")
    if photographs is not None:
        added = add_photographs(
            photographs,
            out / "detection",
            size=scene_size,
            seed=seed,
            backgrounds=negatives,
            measuring=() if measuring is None else find_pictures(measuring),
        )
        typer.echo(
            f"photographs: {added.written} pictures; left out: {len(added.near_duplicates)} that "
            f"resemble a measuring picture, {len(added.unreadable)} that cannot be used"
        )
    for name, counts in (("pairs", summary.pairs), ("scenes", summary.scenes)):
        if counts:
            listing = ", ".join(f"{part} {count}" for part, count in counts.items())
            typer.echo(f"{name}: {listing}")
    if summary.scenes:
        typer.echo(f"labelled masks: {summary.labels}")
        typer.echo(f"detector: {out / 'detection' / 'data.yaml'}")
    if summary.rejects:
        listing = ", ".join(f"{reason} {count}" for reason, count in summary.rejects.items())
        typer.echo(f"rejected: {listing} ({out / 'rejects.jsonl'})")
    typer.echo(f"look at: {out / 'contact_sheet.jpg'}")
