"""The site's generated pages: `python -m examples.maintenance.site_pages zoo`.

MkDocs calls `on_files` when it builds the site: the zoo is generated from the registries and the
catalog, the command line page from the program, and the notebooks' pages from the notebooks.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpainter.holes import list_holes
from inpainter.losses import list_losses
from inpainter.networks.registry import FACE_GENERATORS, NETWORKS
from inpainter.registry import DISCRIMINATORS
from pipeline.command_line import app
from pipeline.stages.registry import BUILT_IN
from weights.base.errors import InputError
from weights.base.names import import_object
from weights.base.protocols import STAGE_KINDS
from weights.catalog.card import model_card
from weights.catalog.lookup import DEFAULTS, RECORDS
from weights.catalog.record import read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

    from weights.catalog.record import WeightRecord

FOLDER = Path(__file__).parents[1]
NOTEBOOKS = FOLDER / "notebooks"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site; MkDocs calls this by name."""
    from mkdocs.structure.files import File

    for path, text in site_pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def site_pages() -> dict[str, str]:
    """All generated pages: Markdown by path within the site's sources."""
    pages = {"zoo.md": zoo_page(), "reference/command-line.md": command_line_page()}
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        pages[f"notebooks/{notebook.stem}.md"] = notebook_page(notebook)
    return pages


def zoo_page() -> str:
    """Every named stage, network, loss, hole generator and weight file."""
    parts = [
        "---\nhide: [navigation]\n---",
        "# Zoo",
        "Everything that has a name, made from the registries and the catalog of this version. "
        "Names of installed packages come on top: see [a package of your "
        "own](cookbook/own-package.md).",
        "## Stages",
        'Give them as `Pipeline(blender="poisson")`, or as a dict with options.',
    ]
    for kind in STAGE_KINDS:
        rows = [
            (f"`{name}`", _summary(path), _options(path))
            for name, path in sorted(BUILT_IN[kind].items())
        ]
        parts += [f"### {kind.capitalize()}s", _table(("name", "what", "options"), rows)]
        if kind == "inpainter":
            parts.append(
                "Each network below is an inpainter of that name too, with the options of "
                "[`NetworkInpainter`][inpainter.completion.NetworkInpainter]."
            )
    return "\n\n".join([*parts, *_network_parts(), *_weight_parts()]) + "\n"


def _network_parts() -> Iterator[str]:
    recipes = sorted(path.stem for path in (FOLDER.parent / "inpainter" / "recipes").glob("*.yaml"))
    trained = {record.architecture for record in _shipped_records()}
    rows = [
        (
            f"`{name}`",
            _summary(path),
            ", ".join(f"`{one}`" for one in recipes if one.split(".")[0] == name),
            "yes" if name in trained else "no",
        )
        for name, path in sorted({**NETWORKS, **FACE_GENERATORS}.items())
    ]
    yield "## Networks"
    yield (
        "`inpainter.create_model(NAME)` builds one, `unmask train inpainter --config RECIPE` "
        "trains it. A recipe without a suffix has its paper's values; a `.tiny` one tries the "
        "whole way in minutes. Networks without weights have to be trained first."
    )
    yield _table(("name", "what", "recipes", "weights ship"), rows)
    yield "## Discriminators"
    yield _table(
        ("name", "what"),
        [(f"`{name}`", _summary(path)) for name, path in sorted(DISCRIMINATORS.items())],
    )
    yield "## Losses"
    yield ", ".join(f"`{name}`" for name in list_losses()) + "."
    yield "## Holes"
    yield ", ".join(f"`{name}`" for name in list_holes()) + "."


def _shipped_records() -> list[WeightRecord]:
    return sorted(map(read_record, RECORDS.glob("*.yaml")), key=lambda record: record.name)


def _weight_parts() -> Iterator[str]:
    """One section for each bundled weight file."""
    records = _shipped_records()
    yield "## Weights"
    yield (
        "A licence clears the photograph and not the person in it; see "
        "[use and misuse](use-and-misuse.md#licences-clear-photographs-not-people)."
    )
    rows = [
        (
            f"`{record.name}`",
            f"{record.kind}{', default' if record.name in DEFAULTS.values() else ''}",
            f"{record.parameters:,}",
            f"{record.multiply_adds / 1e9:.1f} G at {record.input_size} px",
            f"{record.bytes / 2**20:.1f} MiB",
            record.licence,
        )
        for record in records
    ]
    columns = ("name", "for", "parameters", "multiply-adds", "file", "licence")
    yield _table(columns, rows)
    for record in records:
        # The card's headings start at level one; here they belong below this section.
        lines = model_card(record).splitlines()
        yield "\n".join(f"##{line}" if line.startswith("#") else line for line in lines)


def _summary(path: str) -> str:
    """The first paragraph of a docstring, on one line."""
    text = inspect.getdoc(import_object(path)) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def _options(path: str) -> str:
    """The constructor's keyword arguments with their defaults."""
    parameters = inspect.signature(import_object(path)).parameters.values()
    return ", ".join(
        f"`{one.name}={one.default!r}`" if one.default is not one.empty else f"`{one.name}`"
        for one in parameters
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    )


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def command_line_page() -> str:
    """Every command with its arguments and options."""
    import typer.main

    parts = [
        "# Command line",
        "One program, `unmask`; `python -m pipeline` is the same. `unmask --install-completion` "
        "teaches it to your shell.",
    ]
    program: Any = typer.main.get_command(app)
    context = program.make_context("unmask", [], resilient_parsing=True)
    for name in program.list_commands(context):
        _, command, _ = program.resolve_command(context, [name])
        parts += _command_parts(f"unmask {name}", command)
    return "\n\n".join(parts) + "\n"


def _command_parts(name: str, command: Any) -> Iterator[str]:
    yield f"## {name}"
    yield _help(command.help or "")
    rows = [
        (_called(one), " ".join((getattr(one, "help", None) or "").split()), _default(one))
        for one in command.params
        if one.name not in {"help", "install_completion", "show_completion"}
        and not getattr(one, "hidden", False)
    ]
    if rows:
        yield _table(("", "what", "default"), (tuple(map(_cell, row)) for row in rows))
    if "ignore_unknown_options" in (command.context_settings or {}):
        yield f"Its options are those of its own program: `{name} --help` lists them."
    for below, one in getattr(command, "commands", {}).items():
        yield from _command_parts(f"{name} {below}", one)


def _cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _help(text: str) -> str:
    """A command's help as Markdown: paragraphs that are commands become code blocks."""
    paragraphs = [one.strip() for one in inspect.cleandoc(text).replace("\b", "").split("\n\n")]
    parts = [f"```sh\n{one}\n```" if one.startswith("unmask ") else one for one in paragraphs]
    # Consecutive commands share a block.
    return "\n\n".join(parts).replace("\n```\n\n```sh\n", "\n")


def _called(parameter: Any) -> str:
    """A parameter's names; both names of a switch."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    names = [*parameter.opts, *parameter.secondary_opts]
    return ", ".join(f"`{one}`" for one in names)


def _default(parameter: Any) -> str:
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return shown
    value = parameter.default
    if shown is False or not isinstance(value, str | int | float) or value is False:
        return ""
    return "on" if value is True else f"`{value}`"


def notebook_page(path: Path) -> str:
    """A notebook's text and code, without outputs."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a readable notebook: {error!r}.") from error
    parts = []
    for cell in cells:
        source = "".join(cell["source"]).strip()
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    parts.insert(1, f"Run it yourself: `examples/notebooks/{path.name}`.")
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Print one of the generated pages."""
    pages = {Path(path).stem: text for path, text in site_pages().items()}
    parser = argparse.ArgumentParser(
        prog="python -m examples.maintenance.site_pages", description=__doc__
    )
    parser.add_argument("page", choices=sorted(pages))
    print(pages[parser.parse_args(arguments).page], end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
