"""`unmask synthesize`: a data set with drawn masks, for training both networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.commands.command_options import command_options
from pipeline.commands.progress import progress_bar


@dataclass(frozen=True)
class DrawingOptions:
    """What is drawn.

    Attributes:
        pairs: Masks drawn on each face for the inpainter; 0 makes none.
        scenes: Composite pictures for the detector; 0 makes none.
        size: Side of the pairs' crops round the hole, as the completion network sees them; by
            default whole pictures at their own sizes.
        scene_size: Longer side of the scenes.
        seed: Seeds all random choices.
        maskless: Fraction of scenes in which nobody wears a mask.
        templates: Folder with photos of masks and masks.cfg, used in addition to drawn masks.
        negatives: Folder of pictures without masks, shown in scenes.
        refiner: Refiner that makes the holes of the pairs.
        picture_format: How the pairs are stored.
    """

    pairs: Annotated[int, typer.Option(min=0)] = 1
    scenes: Annotated[int, typer.Option(min=0)] = 2000
    size: Annotated[int | None, typer.Option(min=64, max=1024)] = None
    scene_size: Annotated[int, typer.Option(min=64, max=4096)] = 640
    seed: int = 0
    maskless: Annotated[float, typer.Option(min=0.0, max=1.0)] = 0.2
    templates: Path | None = None
    negatives: Path | None = None
    refiner: str = "morphology"
    picture_format: Annotated[Literal["jpeg", "png"], typer.Option("--format")] = "jpeg"


@command_options
def synthesize(
    faces: Path,
    out: Path,
    drawn: DrawingOptions,
    splits: str = "train=0.9,val=0.07,test=0.03",
    photographs: Path | None = None,
    measuring: Path | None = None,
    landmarks: Literal["annotations", "network", "dlib"] = "annotations",
    workers: Annotated[int, typer.Option(min=0)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Draw masks on faces: pairs for the inpainter and labelled scenes for the detector.

    Args:
        faces: Folder with faces.jsonl, or of pictures with --landmarks network.
        out: New folder, or that of an earlier run, which is resumed.
        drawn: What is drawn.
        splits: Fraction of each split; a split in faces.jsonl takes precedence.
        photographs: A .jsonl of real photos with outlines of masks, added to the scenes.
        measuring: Folder of evaluation pictures; near-duplicates of them are left out.
        landmarks: Source of landmarks: those of faces.jsonl, or found by the shipped network, on
            one face per picture, or by dlib (an extra) and written to a faces.jsonl in OUT.
        workers: Processes; 0 means one per core.
        quiet: Show no progress.
    """
    from pipeline.dataset.builder import build_dataset
    from pipeline.dataset.face_source import find_pictures, gather_faces, store_faces
    from pipeline.dataset.photographs import add_photographs
    from pipeline.dataset.settings import DatasetSettings
    from pipeline.dataset.split import parse_shares, split_faces

    settings = DatasetSettings(shares=parse_shares(splits), **vars(drawn))
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
            size=drawn.scene_size,
            seed=drawn.seed,
            backgrounds=drawn.negatives,
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
