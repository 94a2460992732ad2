"""`unmask pseudo-label`: a detector outlines masks on photos with face boxes, for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.commands.command_options import command_options
from pipeline.commands.progress import progress_bar
from pipeline.commands.stage_options import Device
from weights.catalog.digest import file_sha256
from weights.catalog.lookup import resolve


@command_options
def pseudo_label(
    annotations: Annotated[Path, typer.Argument(metavar="ANNOTATIONS")],
    detection: Annotated[Path, typer.Argument(metavar="DETECTION_SET")],
    weights: str = "default",
    detector: Annotated[str | None, typer.Option(show_default="yolo")] = None,
    measuring: Path | None = None,
    score: Annotated[float, typer.Option(min=0.02, max=1.0)] = 0.5,
    mirrored: Annotated[float, typer.Option(min=0.01, max=1.0)] = 0.8,
    small: Annotated[float, typer.Option(min=0.0)] = 16.0,
    image_size: Annotated[int, typer.Option(min=32)] = 640,
    sheet: Annotated[int, typer.Option(min=1)] = 48,
    device: Device = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Outline the masks on photos with face boxes with a trained detector.

    Photos whose masks agree with the boxes are added to the detection set's
    training part; those with doubtful faces are cropped round the others.
    Train again, then label again with the better detector: each round replaces
    the labels of the one before.

    Args:
        annotations: A .jsonl of photos with face_boxes: with_mask, without_mask, incorrect.
        detection: Folder that `unmask synthesize` built, or the folder 'detection' in it.
        weights: default, a name of the catalog, or a .safetensors file.
        detector: A detector other than YOLO: a registered name or package.module:Class.
        measuring: Folder of evaluation pictures; near-duplicates of them are left out.
        score: Minimum score of a mask that gets a label.
        mirrored: Minimum overlap (IoU) with the mask found on the mirrored photo.
        small: Doubtful faces narrower than this, in pixels, are blurred.
        image_size: Input side of YOLO.
        sheet: Pictures on the sheet.
        device: auto, cpu, cuda, cuda:N or mps.
        quiet: Show no progress.
    """
    from pipeline.dataset.face_agreement import AgreementRules
    from pipeline.dataset.face_source import find_pictures
    from pipeline.dataset.pseudo_labels import SHEET_NAME, SUMMARY_NAME, add_pseudo_labels
    from pipeline.stages.registry import create_stage

    folder = detection if (detection / "images").is_dir() else detection / "detection"
    rules = AgreementRules(score=score, mirrored=mirrored, small=small)
    specification: Any = detector or "yolo"
    described: dict[str, Any] = {"detector": specification}
    if specification == "yolo":
        # Low-scoring regions too: a sign that there may be something.
        options = {"weights": weights, "confidence": score / 2, "image_size": image_size}
        specification = {"name": "yolo", **options}
        described |= options | {"sha256": file_sha256(resolve(weights, "detector"))}
    with progress_bar("Outlining masks", unit="photographs", shown=not quiet) as show:
        summary = add_pseudo_labels(
            annotations,
            folder,
            create_stage("detector", specification, device=device),
            rules=rules,
            measuring=() if measuring is None else find_pictures(measuring),
            sheet=sheet,
            described=described,
            progress=show,
        )
    typer.echo(
        f"photographs: {len(summary.whole)} used whole, {len(summary.partly)} in parts, "
        f"{len(summary.refused)} refused; left out: {len(summary.near_duplicates)} that resemble "
        f"a measuring picture, {len(summary.unreadable)} that cannot be read"
    )
    typer.echo(
        f"pictures: {summary.pictures} with {summary.labels} labelled masks; "
        f"{summary.removed} of an earlier round removed"
    )
    doubtful = ", ".join(f"{reason} {count}" for reason, count in summary.reasons.most_common())
    typer.echo(f"masked faces that agree: {summary.agreed}; doubtful: {doubtful or 'none'}")
    typer.echo(f"small faces blurred: {summary.blurred}")
    typer.echo(f"look at: {folder / SHEET_NAME}; summary: {folder / SUMMARY_NAME}")
