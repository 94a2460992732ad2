"""`unmask weights`: which weight files there are, where they are, and whether they are intact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.columns import print_columns
from pipeline.commands.command_options import command_options
from pipeline.commands.evaluate_reports import named_report
from weights.base.errors import UnmaskError
from weights.catalog import lookup
from weights.catalog.card import model_card
from weights.catalog.lookup import DEFAULTS, get_record, list_records, resolve

app = typer.Typer(
    name="weights",
    help="The weight files: list, verify, locate, describe, record, import, push, pull. Only push "
    "and pull connect to another machine.",
    no_args_is_help=True,
    add_completion=False,
)

Folder = Annotated[Path | None, typer.Option(show_default="UNMASK_HOME")]
Repository = Annotated[str, typer.Argument(metavar="OWNER/NAME")]


@app.command("list")
@command_options
def list_(
    pattern: Annotated[str, typer.Argument()] = "*",
    kind: str | None = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List known and importable weights; a star marks the default of a stage.

    Args:
        pattern: Names to list, such as 'gated.*'.
        kind: Only those of a 'detector' or of an 'inpainter'.
        as_json: Print the whole records.
    """
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
    print_columns(rows)
    if pattern == "*" and kind in (None, "inpainter"):
        from inpainter.importing.families import FAMILIES

        known = {record.architecture for record in records}
        typer.echo("\nPublished by others; import them with 'unmask weights import':")
        print_columns(
            [
                (name, family.system, "here already" if name in known else "")
                for name, family in FAMILIES.items()
            ]
        )


@app.command()
@command_options
def verify(
    names: Annotated[list[str] | None, typer.Argument()] = None,
) -> None:
    """Compare weight files with the digests in their records; exit code 1 if one differs.

    Args:
        names: Names of weights; all by default.
    """
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
@command_options
def path(name: str) -> None:
    """Print the path of a weight file after verifying it.

    Args:
        name: Name of the weights.
    """
    typer.echo(resolve(name))


@app.command()
@command_options
def card(name: str) -> None:
    """Print the model card: training data and licences, measured figures, limits.

    Args:
        name: Name of the weights.
    """
    typer.echo(model_card(get_record(name)), nl=False)


@app.command()
@command_options
def record(
    source: Annotated[Path, typer.Argument(metavar="RUN_OR_FILE")],
    name: Annotated[str, typer.Option()],
    data: Annotated[Path, typer.Option()],
    recipe: Annotated[str, typer.Option()],
    seed: Annotated[int | None, typer.Option(min=0, show_default="that of the run")] = None,
    metrics: list[str] | None = None,
    folder: Folder = None,
    records: Annotated[Path | None, typer.Option(show_default="beside the weight file")] = None,
    licence: str = "AGPL-3.0-or-later",
    overwrite: bool = False,
) -> None:
    """Store trained weights in a weight folder, with catalog record and model card.

    Args:
        source: Folder of a run of `unmask train`, or a .safetensors file.
        name: architecture.tag, such as gated.faces256; the files are named after it.
        data: YAML of the training data: 'sources', a list of name, licence and credit, and 'notes',
            a text for the card.
        recipe: Name of the recipe it was trained with.
        seed: Seed of the training.
        metrics: [NAME=]report.json of `unmask evaluate`; may be repeated. NAME defaults to its
            folder's name. Without any, the run's own figures are kept.
        folder: Where weights, record and card go.
        records: Where record and card go.
        licence: Of the weights, as an SPDX expression.
        overwrite: Replace files of that name.
    """
    from pipeline.weight_files.recording import catalog_folder, record_weights
    from weights.catalog.register import CatalogPlace

    recorded = record_weights(
        source,
        CatalogPlace(name, catalog_folder(folder), records, overwrite),
        data=data,
        recipe=recipe,
        seed=seed,
        reports=dict(map(named_report, metrics or ())),
        licence=licence,
    )
    made = recorded.record
    typer.echo(
        f"{made.name}: {made.bytes:,} bytes, {made.parameters:,} parameters, "
        f"{made.multiply_adds:,} multiply-adds at {made.input_size} px"
    )
    _print_written(recorded[1:])


@app.command("import")
@command_options
def import_(
    name: str,
    file: Path,
    licence: Annotated[str, typer.Option()],
    source: Annotated[str, typer.Option()],
    changes: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE")] = None,
    folder: Folder = None,
    overwrite: bool = False,
) -> None:
    """Convert a weight file published by another project; nothing in it is executed.

    Args:
        name: architecture.tag, such as lama.big; one of aot-gan, comodgan, deepfillv2, dmfn, glcic,
            lama and migan.
        file: The authors' file: .ckpt, .pt, .pth or .safetensors.
        licence: Its licence, as an SPDX expression or in words.
        source: Where it was published.
        changes: An option of the network that the file does not contain, such as 'mean_colour=[0.5,
            0.4, 0.4]'; may be repeated.
        folder: Where weights, record and card go.
        overwrite: Replace files of that name.
    """
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
    _print_written(imported[1:])


@app.command()
@command_options
def push(
    name: str,
    repository: Repository,
    public: bool = False,
    message: Annotated[str | None, typer.Option(show_default="Weights NAME")] = None,
) -> None:
    """Upload weights with record and card to a hub repository; needs the extra "hub".

    Args:
        name: Name of weights of the catalog.
        repository: Repository of the Hugging Face hub.
        public: Make the repository public, if it is created now.
        message: Commit message.
    """
    from pipeline.weight_files.hub import push_weights

    pushed = push_weights(name, repository, public=public, message=message)
    typer.echo(f"Pushed {', '.join(pushed.files)}: {pushed.address}")


@app.command()
@command_options
def pull(
    repository: Repository,
    name: Annotated[str | None, typer.Argument()] = None,
    revision: Annotated[str | None, typer.Option(show_default="the newest")] = None,
    folder: Folder = None,
    overwrite: bool = False,
) -> None:
    """Download weights from a hub repository and verify them; needs the extra "hub".

    Args:
        repository: Repository of the Hugging Face hub.
        name: Name of the weights, if the repository has several.
        revision: Branch, tag or commit.
        folder: Where weights, record and card go.
        overwrite: Replace files of that name.
    """
    from pipeline.weight_files.hub import pull_weights

    pulled = pull_weights(repository, name, revision=revision, folder=folder, overwrite=overwrite)
    typer.echo(f"{pulled.record.name}: {pulled.record.licence}, SHA-256 as in its record")
    _print_written(pulled[1:])


def _print_written(files: Sequence[Path]) -> None:
    for file in files:
        typer.echo(f"Written: {file}")
