"""`unmask weights`: which weight files there are, where they lie, and whether they are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="weights",
    help="The weight files: list, verify, locate, describe, record, import, push, pull. Only push "
    "and pull speak to another machine.",
    no_args_is_help=True,
    add_completion=False,
)

Folder = Annotated[
    Path | None,
    typer.Option(help="Where weights, record and card go.", show_default="UNMASK_HOME"),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files of that name.")]
Repository = Annotated[
    str,
    typer.Argument(
        metavar="OWNER/NAME", help="Repository of the Hugging Face hub.", show_default=False
    ),
]


@app.command("list")
def list_(
    pattern: Annotated[str, typer.Argument(help="Names to list, such as 'gated.*'.")] = "*",
    kind: Annotated[
        str | None,
        typer.Option(help="Only those of a 'detector' or of an 'inpainter'."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole records.")] = False,
) -> None:
    """List the known weights, and what can be imported; a star marks the default of a stage."""
    from weights.catalog.lookup import DEFAULTS, list_records

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
    _print_columns(rows)
    if pattern == "*" and kind in (None, "inpainter"):
        from inpainter.importing.families import FAMILIES

        known = {record.architecture for record in records}
        typer.echo("\nPublished by others, to be made ours by 'unmask weights import':")
        _print_columns(
            [
                (name, family.system, "here already" if name in known else "")
                for name, family in FAMILIES.items()
            ]
        )


def _print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names of weights; all where none is given."),
    ] = None,
) -> None:
    """Compare weight files with the digests in their records; exit code 1 if one differs."""
    from weights.base.errors import UnmaskError
    from weights.catalog import lookup

    failed = 0
    for name in names or lookup.list_weights():
        try:
            path = lookup.verify(name)
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
    from weights.catalog.lookup import resolve

    typer.echo(resolve(name))


@app.command()
def card(name: Annotated[str, typer.Argument(help="Name of the weights.")]) -> None:
    """Print the model card: training data and licences, measured figures, limits."""
    from weights.catalog.card import model_card
    from weights.catalog.lookup import get_record

    typer.echo(model_card(get_record(name)), nl=False)


@app.command()
def record(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_OR_FILE",
            help="Folder of a run of `unmask train`, or a .safetensors file.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str,
        typer.Option(
            help="architecture.tag, such as gated.faces256; the files are named after it.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(
            help="YAML of the training data: 'sources', a list of name, licence and credit, and "
            "'notes', a text for the card.",
            show_default=False,
        ),
    ],
    recipe: Annotated[
        str, typer.Option(help="Name of the recipe it was trained with.", show_default=False)
    ],
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of the training.", show_default="that of the run"),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            help="[NAME=]report.json of `unmask evaluate`; may be given again. Without NAME it is "
            "called after its folder.",
            show_default=False,
        ),
    ] = None,
    folder: Folder = None,
    records: Annotated[
        Path | None,
        typer.Option(help="Where record and card go.", show_default="beside the weight file"),
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Of the weights, as an SPDX expression.")
    ] = "AGPL-3.0-or-later",
    overwrite: Overwrite = False,
) -> None:
    """Put trained weights in a weight folder, with catalog record and model card."""
    from pipeline.weight_files.recording import catalog_folder, record_weights
    from weights.catalog.register import CatalogPlace

    reports = dict(_read_report_option(text) for text in metrics or ())
    recorded = record_weights(
        source,
        CatalogPlace(name, catalog_folder(folder), records, overwrite),
        data=data,
        recipe=recipe,
        seed=seed,
        reports=reports,
        licence=licence,
    )
    made = recorded.record
    typer.echo(
        f"{made.name}: {made.bytes:,} bytes, {made.parameters:,} parameters, "
        f"{made.multiply_adds:,} multiply-adds at {made.input_size} px"
    )
    for written in (recorded.weights, recorded.record_file, recorded.card_file):
        typer.echo(f"Written: {written}")


@app.command("import")
def import_(
    name: Annotated[
        str,
        typer.Argument(
            help="architecture.tag, such as lama.big; one of aot-gan, comodgan, "
            "deepfillv2, dmfn, glcic, lama and migan.",
            show_default=False,
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            help="The authors' file: .ckpt, .pt, .pth or .safetensors.", show_default=False
        ),
    ],
    licence: Annotated[
        str,
        typer.Option(
            help="Terms under which you have it, as an SPDX expression or in words.",
            show_default=False,
        ),
    ],
    source: Annotated[str, typer.Option(help="Where it is published.", show_default=False)],
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An option of the network that the file does not say, such as "
            "'mean_colour=[0.5, 0.4, 0.4]'; may be given again.",
            show_default=False,
        ),
    ] = None,
    folder: Folder = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn a published weight file of another project into ours; nothing in it is run."""
    from pipeline.weight_files.importing import import_weights
    from weights.base.training_command import read_changes

    imported = import_weights(
        name,
        file,
        licence=licence,
        source=source,
        options=read_changes(changes or ()),
        folder=folder,
        overwrite=overwrite,
    )
    typer.echo(f"{imported.record.name}: {imported.record.parameters:,} parameters")
    for written in (imported.weights, imported.record_file, imported.card_file):
        typer.echo(f"Written: {written}")


@app.command()
def push(
    name: Annotated[
        str, typer.Argument(help="Name of weights of the catalog.", show_default=False)
    ],
    repository: Repository,
    public: Annotated[
        bool,
        typer.Option("--public", help="Let everybody see the repository, if it is made now."),
    ] = False,
    message: Annotated[
        str | None,
        typer.Option(help="Of the commit.", show_default="Weights NAME"),
    ] = None,
) -> None:
    """Put weights with record and card into a repository of the hub; needs the extra "hub"."""
    from pipeline.weight_files.hub import push_weights

    pushed = push_weights(name, repository, public=public, message=message)
    typer.echo(f"Pushed {', '.join(pushed.files)}: {pushed.address}")


@app.command()
def pull(
    repository: Repository,
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the weights, where the repository has several."),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit.", show_default="the newest"),
    ] = None,
    folder: Folder = None,
    overwrite: Overwrite = False,
) -> None:
    """Take weights from a repository of the hub, checked by their record; needs the extra "hub"."""
    from pipeline.weight_files.hub import pull_weights

    pulled = pull_weights(repository, name, revision=revision, folder=folder, overwrite=overwrite)
    typer.echo(f"{pulled.record.name}: {pulled.record.licence}, SHA-256 as in its record")
    for written in pulled[1:]:
        typer.echo(f"Written: {written}")


def _read_report_option(text: str) -> tuple[str, str]:
    """The name and the file of "NAME=FILE", or of "FILE", which is called after its folder."""
    name, separator, file = text.partition("=")
    return (name, file) if separator else (Path(text).absolute().parent.name, text)
