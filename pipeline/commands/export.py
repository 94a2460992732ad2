"""`unmask export`: a network as ONNX, for programs without PyTorch."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated

import typer

app = typer.Typer(
    name="export",
    no_args_is_help=True,
    help="Write networks as ONNX, after comparing their outputs with PyTorch's.",
    add_completion=False,
)


@app.callback()
def export() -> None:
    """Write a network as ONNX, after comparing its outputs with PyTorch's."""


@app.command()
def detector(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The .onnx file.", show_default=False),
    ],
    weights: Annotated[
        str, typer.Option(help="default, a name of the catalog, or a .safetensors file.")
    ] = "default",
    image_size: Annotated[
        int | None,
        typer.Option(
            min=32,
            help="Side of the pictures, a multiple of 32.",
            show_default="that of the training",
        ),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(
            min=0.0, help="Largest difference accepted, as a share of an output's largest value."
        ),
    ] = 1e-3,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file of that name.")
    ] = False,
) -> None:
    """Write the detector's network; batches of any size go through it."""
    from detector.export import export_detector

    exported = export_detector(
        weights, output, image_size=image_size, tolerance=tolerance, overwrite=overwrite
    )
    for name, difference in exported.differences.items():
        typer.echo(f"{name}: differs by {difference:.1e} of its largest value from PyTorch's")
    typer.echo(f"Written: {exported.path}, {exported.bytes:,} bytes")


@app.command()
def inpainter(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The .onnx file.", show_default=False),
    ],
    network: Annotated[
        str | None,
        typer.Option(
            help="Name of the completion network.",
            show_default="that of the weights, else gated",
        ),
    ] = None,
    weights: Annotated[
        str, typer.Option(help="default, a name of the catalog, or a .safetensors file.")
    ] = "default",
    image_size: Annotated[
        int | None,
        typer.Option(min=1, help="Side of the pictures.", show_default="that of the training"),
    ] = None,
    as_bytes: Annotated[
        bool, typer.Option("--bytes", help="Take and give uint8 pictures instead of floats.")
    ] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Largest difference accepted, in the pictures' own range.",
            show_default="0.01 of -1 to 1, 2 of 0 to 255",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file of that name.")
    ] = False,
) -> None:
    """Write a completion network, which takes square crops with their holes."""
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
def pipeline(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The folder.", show_default=False),
    ],
    detector_weights: Annotated[
        str,
        typer.Option("--detector", help="default, a name of the catalog, or a .safetensors file."),
    ] = "default",
    inpainter_weights: Annotated[
        str,
        typer.Option("--inpainter", help="Likewise."),
    ] = "default",
    image_size: Annotated[
        int, typer.Option(min=32, help="Side in which masks are looked for, a multiple of 32.")
    ] = 640,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of these names.")
    ] = False,
) -> None:
    """Write detector, inpainter and a JSON that says how they go together, for other programs."""
    from pipeline.apps.onnx_bundle import export_bundle

    bundle = export_bundle(
        output,
        detector=detector_weights,
        inpainter=inpainter_weights,
        image_size=image_size,
        overwrite=overwrite,
    )
    typer.echo(f"Written to {bundle.folder}: {', '.join(bundle.files)}; {bundle.bytes:,} bytes")
