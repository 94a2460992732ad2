"""`unmask weights`: which weight files there are, where they lie, and whether they are whole."""

from __future__ import annotations

import json
from typing import Annotated, Optional

import typer

app = typer.Typer(
    name="weights",
    help="The weight files: list, verify, locate, describe. Nothing is ever downloaded.",
    no_args_is_help=True,
)


@app.command("list")
def list_(
    pattern: Annotated[str, typer.Argument(help="Names to list, such as 'gated.*'.")] = "*",
    kind: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(help="Only those of a 'detector' or of an 'inpainter'."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole records.")] = False,
) -> None:
    """List the known weights; a star marks the default of a stage."""
    from weights.catalog import DEFAULTS, list_records

    records = list_records(pattern, kind)
    if as_json:
        typer.echo(json.dumps([record.to_mapping() for record in records], indent=2))
        return
    rows = [("name", "stage", "input", "parameters", "MB", "licence")] + [
        (
            record.name + ("*" if DEFAULTS[record.kind] == record.name else ""),
            record.kind,
            str(record.input_size),
            f"{record.parameters:,}",
            f"{record.bytes / 1e6:.1f}",
            record.licence,
        )
        for record in records
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command()
def verify(
    names: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(help="Names of weights; all where none is given."),
    ] = None,
) -> None:
    """Compare weight files with the digests in their records; exit code 1 if one differs."""
    from weights import catalog
    from weights.errors import UnmaskError

    failed = 0
    for name in names or catalog.list_weights():
        try:
            path = catalog.verify(name)
        except UnmaskError as error:
            failed += 1
            typer.echo(f"{name}: {error}", err=True)
        else:
            typer.echo(f"{name}: whole, {path}")
    if failed:
        raise typer.Exit(1)


@app.command()
def path(name: Annotated[str, typer.Argument(help="Name of the weights.")]) -> None:
    """Print where a weight file lies, after checking it."""
    from weights.catalog import resolve

    typer.echo(resolve(name))


@app.command()
def card(name: Annotated[str, typer.Argument(help="Name of the weights.")]) -> None:
    """Print the model card: training data and licences, measured figures, limits."""
    from weights.card import model_card
    from weights.catalog import get_record

    typer.echo(model_card(get_record(name)), nl=False)
