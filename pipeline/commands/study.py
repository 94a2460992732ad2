"""`unmask study`: asks people how real pictures look, and summarises their answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.command_options import command_options
from weights.base.atomic import write_whole
from weights.base.errors import InputError

app = typer.Typer(
    help="Ask people how real pictures look, from 1 to 10.",
    no_args_is_help=True,
    add_completion=False,
)

_REPORT_FILES = ("report.html", "report.md", "report.json")


@dataclass(frozen=True)
class DesignOptions:
    """What a study shows, and how its files are written.

    Attributes:
        title: Heading of the page.
        seed: Seeds the choice of faces and their order.
        count: Number of faces, sampled at random.
        size: Longest side of the pictures in pixels.
        once: Show each participant only one version of each face.
        unpaired: Pictures need no true photo of the same name: each is a face of its own.
        key: File that records which model made which picture, for `unmask study read --key`.
        overwrite: Replace existing files.
    """

    title: str = "How real does this face look?"
    seed: Annotated[int, typer.Option(min=0)] = 0
    count: Annotated[int | None, typer.Option(min=1, show_default="all")] = None
    size: Annotated[int, typer.Option(min=16)] = 512
    once: bool = False
    unpaired: bool = False
    key: Annotated[
        Path | None, typer.Option(show_default="hidden in the page, and in every export")
    ] = None
    overwrite: bool = False


@app.command()
@command_options
def make(
    results: Annotated[list[str], typer.Argument(metavar="RESULTS...")],
    truth: Annotated[Path, typer.Option()],
    output: Annotated[Path, typer.Option("--output", "-o")],
    design: DesignOptions,
) -> None:
    """Make a page that shows results and true photos in random order.

    The page is one file that needs no server: send it to people, or serve it
    with `unmask serve --study`. Answers stay in their browser until they save
    them as a file. Model names are not shown; someone who takes the page apart
    can find them, unless --key moves them to a separate file.

    The pictures carry no mark that a model filled them, as that would answer
    the question; the page says so in words. Do not publish it.

    Args:
        results: Folders of results, one for each model; NAME=FOLDER calls it NAME.
        truth: Folder of true photos of the same names.
        output: The page, an .html file.
        design: What the study shows.
    """
    from pipeline.apps.study import make_study

    named = dict(_named_folder(text) for text in results)
    if len(named) < len(results):
        raise InputError("Two folders of results have the same name: call them NAME=FOLDER.")
    made = make_study(named, truth, output, **vars(design))
    megabytes = made.path.stat().st_size / 1e6
    typer.echo(
        f"{made.path}: study {made.study}, {made.pictures} pictures of {made.faces} faces, "
        f"{megabytes:.1f} MB"
    )
    if made.left_out:
        typer.echo(
            f"{made.left_out} pictures were left out: not every folder has a picture of that name."
        )


@app.command()
@command_options
def read(
    exports: Annotated[list[Path], typer.Argument(metavar="EXPORT.json...")],
    key: Annotated[Path | None, typer.Option(show_default="in the exports")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o")] = None,
    resamples: Annotated[int, typer.Option(min=1)] = 2000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    overwrite: bool = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Summarise exports: histogram, mean and interval for each model and for real photos.

    Args:
        exports: Files that participants saved.
        key: File that `unmask study make --key` wrote.
        output: Folder for report.html with plots, report.md and report.json.
        resamples: Number of bootstrap resamples.
        seed: Seeds the bootstrap.
        overwrite: Replace existing reports.
        as_json: Print JSON instead of Markdown.
    """
    from pipeline.apps.study import (
        analyse_exports,
        read_export,
        read_key,
        study_document,
        study_json,
        study_markdown,
    )
    from pipeline.evaluation.page import to_html
    from pipeline.evaluation.writing import refuse_existing

    if output is not None:
        refuse_existing(output, _REPORT_FILES, overwrite=overwrite)
    result = analyse_exports(
        [read_export(path) for path in exports],
        None if key is None else read_key(key),
        resamples=resamples,
        seed=seed,
    )
    markdown = study_markdown(result)
    content = json.dumps(study_json(result), indent=2)
    if output is not None:
        texts = (to_html(study_document(result)), markdown, content + "\n")
        for name, text in zip(_REPORT_FILES, texts, strict=True):
            write_whole(output / name, text, overwrite=overwrite)
    typer.echo(content if as_json else markdown, nl=as_json)


def _named_folder(text: str) -> tuple[str, str]:
    """Name and folder of "NAME=FOLDER", or of "FOLDER", whose name is the folder's."""
    name, separator, folder = text.partition("=")
    if separator and not Path(text).is_dir():
        return name, folder
    return Path(text).absolute().name, text
