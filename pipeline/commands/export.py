"""`unmask export`: a network as ONNX, for programs without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.command_options import command_options

app = typer.Typer(
    name="export",
    no_args_is_help=True,
    help="Write networks as ONNX, after comparing their outputs with PyTorch's.",
    add_completion=False,
)


@app.command()
@command_options
def detector(
    output: Annotated[Path, typer.Option("--output", "-o")],
    weights: str = "default",
    image_size: Annotated[
        int | None, typer.Option(min=32, show_default="that of the training")
    ] = None,
    tolerance: Annotated[float, typer.Option(min=0.0)] = 1e-3,
    overwrite: bool = False,
) -> None:
    """Write the detector's network, for batches of any size.

    Args:
        output: The .onnx file.
        weights: default, a name of the catalog, or a .safetensors file.
        image_size: Side of the pictures, a multiple of 32.
        tolerance: Largest accepted difference, as a fraction of an output's largest value.
        overwrite: Replace a file of that name.
    """
    from detector.export import export_detector

    exported = export_detector(
        weights, output, image_size=image_size, tolerance=tolerance, overwrite=overwrite
    )
    for name, difference in exported.differences.items():
        typer.echo(f"{name}: differs by {difference:.1e} of its largest value from PyTorch's")
    typer.echo(f"Written: {exported.path}, {exported.bytes:,} bytes")


@app.command()
@command_options
def inpainter(
    output: Annotated[Path, typer.Option("--output", "-o")],
    network: Annotated[
        str | None, typer.Option(show_default="that of the weights, else gated")
    ] = None,
    weights: str = "default",
    image_size: Annotated[
        int | None, typer.Option(min=1, show_default="that of the training")
    ] = None,
    as_bytes: Annotated[bool, typer.Option("--bytes")] = False,
    tolerance: Annotated[
        float | None, typer.Option(min=0.0, show_default="0.01 of -1 to 1, 2 of 0 to 255")
    ] = None,
    overwrite: bool = False,
) -> None:
    """Write a completion network, which takes square crops with their holes.

    Args:
        output: The .onnx file.
        network: Name of the completion network.
        weights: default, a name of the catalog, or a .safetensors file.
        image_size: Side of the pictures.
        as_bytes: Take and return uint8 pictures instead of floats.
        tolerance: Largest accepted difference, on the scale of the pictures.
        overwrite: Replace a file of that name.
    """
    from inpainter.export import export_inpainter, network_of

    name = network or network_of(weights) or "gated"
    exported = export_inpainter(
        name,
        output,
        weights=None if weights == "default" else weights,
        image_size=image_size,
        as_bytes=as_bytes,
        tolerance=tolerance,
        overwrite=overwrite,
    )
    pixels = "of 255" if as_bytes else "of 2"
    typer.echo(f"completed: differs by {exported.difference:.1e} {pixels} from PyTorch's")
    if not exported.any_batch:
        typer.echo(f"{name} takes one picture at a time")
    typer.echo(f"Written: {exported.path}, {exported.bytes:,} bytes")


@app.command()
@command_options
def pipeline(
    output: Annotated[Path, typer.Option("--output", "-o")],
    detector_weights: Annotated[str, typer.Option("--detector")] = "default",
    inpainter_weights: Annotated[str, typer.Option("--inpainter")] = "default",
    image_size: Annotated[int, typer.Option(min=32)] = 640,
    overwrite: bool = False,
) -> None:
    """Write detector, inpainter and a JSON file that describes how to combine them.

    Results are worse than those of 'unmask run': the folder has no verifier, no
    straps, no detail for large faces, and tilted faces are not rotated upright.

    Args:
        output: The folder.
        detector_weights: default, a name of the catalog, or a .safetensors file.
        inpainter_weights: Likewise.
        image_size: Input side of the detector, a multiple of 32.
        overwrite: Replace files of these names.
    """
    from pipeline.apps.onnx_bundle import export_bundle

    bundle = export_bundle(
        output,
        detector=detector_weights,
        inpainter=inpainter_weights,
        image_size=image_size,
        overwrite=overwrite,
    )
    typer.echo(f"Written to {bundle.folder}: {', '.join(bundle.files)}; {bundle.bytes:,} bytes")
