"""The program `unmask`: one entry point, and a table of its commands.

A command is a function with typer's annotations, or a typer app of several, in a module of
`pipeline.commands`; it is imported only when it is called, so that `unmask --help` loads neither
numpy nor torch. To add a command, add its module and one line to `COMMANDS`.

Exit codes of every command: 0 for success, 1 where part of the work failed (the command's help says
when), 2 for a wrong call or anything that stops the whole command, 130 after Ctrl-C.
"""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Any

import typer
import typer.core
import typer.main

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("pipeline.commands.run:run", "Take the masks off pictures and videos."),
    "doctor": (
        "pipeline.commands.doctor:doctor",
        "Say what is installed, and whether it works here.",
    ),
    "synthesize": (
        "pipeline.commands.synthesize:synthesize",
        "Draw masks on faces and build a training data set.",
    ),
    "pseudo-label": (
        "pipeline.commands.pseudo_label:pseudo_label",
        "Outline the masks on photos with face boxes by a detector, to train on.",
    ),
    "train": ("pipeline.commands.train:app", "Train the detector or the inpainter."),
    "evaluate": ("pipeline.commands.evaluate:app", "Measure detectors, inpainters and pipelines."),
    "export": ("pipeline.commands.export:app", "Write a network as ONNX, and compare its outputs."),
    "serve": ("pipeline.commands.serve:serve", "Serve the web page and the HTTP API."),
    "study": ("pipeline.commands.study:app", "Ask people how real pictures look."),
    "bench": ("pipeline.commands.bench:bench", "Time the stages and the program's start."),
    "weights": ("pipeline.commands.weights:app", "List, verify and locate weight files."),
}
"""Command to its dotted path and the line that the program's help shows for it."""


class CommandTable(typer.core.TyperGroup):
    """A group that knows its commands by name and imports one when it is called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Stand-ins with a name and a line of help, for listings and for hints at what was meant.
        self.commands = {
            name: typer.core.TyperCommand(name, help=line) for name, (_, line) in COMMANDS.items()
        }

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the commands' names in the table's order."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            command = _load(COMMANDS[name][0])
        return name, command, rest


def _load(dotted_path: str) -> Any:
    module, _, attribute = dotted_path.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False)
        found.command()(function)
    return typer.main.get_command(found)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"unmask {version('unmask')}")
        except PackageNotFoundError:
            typer.echo("unmask (not installed)")
        raise typer.Exit


app = typer.Typer(cls=CommandTable, no_args_is_help=True)


@app.callback()
def unmask(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take the face mask off the person in a photo.

    A filled face is a guess made by a model. It is never evidence of who
    someone is; every picture written says so in its metadata.

    Exit codes: 0 success; 1 part of the work failed, a command's help says
    when; 2 a wrong call, or nothing can work; 130 after Ctrl-C.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit; an error of unmask is one sentence on stderr and exit code 2."""
    try:
        typer.main.get_command(app)(args=arguments, prog_name="unmask")
    except Exception as error:
        from weights.errors import UnmaskError

        if not isinstance(error, UnmaskError):
            raise
        typer.echo(f"unmask: {error}", err=True)
        sys.exit(2)
