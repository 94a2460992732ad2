"""The program `unmask`: one entry point, and a table of its commands.

A command is a function with typer's annotations, or a typer app of several, in a module of
`pipeline.commands`; it is imported only when it is called, so that `unmask --help` loads neither
numpy nor torch. To add a command, add its module and one line to `COMMANDS`.

Exit codes of every command: 0 for success, 1 if part of the work failed (the command's help says
when), 2 for a wrong call or anything that stops the whole command, 130 after Ctrl-C, 143 after
SIGTERM.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from weights.base import stopping
from weights.base.errors import UnmaskError, system_fault
from weights.base.torch_folder import no_folder_left_by_torch

COMMANDS = {
    "run": "Take the masks off pictures and videos.",
    "doctor": "Say what is installed, and whether it works here.",
    "synthesize": "Draw masks on faces and build a training data set.",
    "pseudo-label": "Outline the masks on photos with face boxes by a detector, to train on.",
    "adapt": "Fit detector and inpainter to your own faces, in one go.",
    "train": "Train the detector or the inpainter.",
    "evaluate": "Measure detectors, inpainters and pipelines.",
    "export": "Write a network as ONNX, and compare its outputs.",
    "serve": "Serve the web page and the HTTP API.",
    "study": "Ask people how real pictures look.",
    "bench": "Time the stages and the program's start.",
    "weights": "List, verify and locate weight files.",
}
"""Command to its line in the program's help; it is in the module of its name in
`pipeline.commands`, as `app` if it has commands of its own, else as the function of its name."""


_RESUMED_BY_REPEATING = frozenset({"synthesize", "evaluate", "adapt", "train"})
"""Commands that resume a stopped call without saying so themselves."""


class CommandTable(typer.core.TyperGroup):
    """A command group that imports a command only when it is called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Placeholders with a name and a line of help, for listings and for "did you mean" hints.
        self.commands = {
            name: typer.core.TyperCommand(name, help=line) for name, line in COMMANDS.items()
        }

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Parse the call; signals are handled already here."""
        with _ended_by_signals(), _options_explained():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a signal ends it with a message and its exit code."""
        with _ended_by_signals(ctx), _options_explained():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            command = _load(name)
        return name, command, rest


@contextmanager
def _ended_by_signals(ctx: Any = None) -> Iterator[None]:
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        # A library interrupted by a signal, for example during its import, may fail in any way.
        interrupted = stopping.stop_asked() and not isinstance(error, typer.Exit)
        if not interrupted and not isinstance(error, KeyboardInterrupt):
            raise
        resumable = ctx is not None and ctx.invoked_subcommand in _RESUMED_BY_REPEATING
        hint = "; run the same command to resume" if resumable else ""
        typer.echo(f"unmask: stopped{hint}.", err=True)
        raise typer.Exit(stopping.exit_code()) from None


@contextmanager
def _options_explained() -> Iterator[None]:
    try:
        yield
    except typer.BadParameter as error:
        from pipeline.commands.option_faults import option_fault

        fault = option_fault(error)
        if fault is None:
            raise
        raise fault from None


def _load(name: str) -> Any:
    own = name.replace("-", "_")
    module = importlib.import_module(f"pipeline.commands.{own}")
    found = getattr(module, "app", None) or getattr(module, own)
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
    when; 2 a wrong call, or nothing can work; 130 after Ctrl-C;
    143 after SIGTERM.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit.

    An error of unmask, or of the system if a file or stream cannot be used, gives one sentence on
    standard error and exit code 2.
    """
    _open_standard_streams()
    stopping.install()
    try:
        try:
            with no_folder_left_by_torch():
                typer.main.get_command(app)(args=arguments, prog_name="unmask")
        finally:
            sys.stdout.flush()
    except Exception as error:
        if isinstance(error, UnmaskError):
            sentence = str(error)
        elif isinstance(error, MemoryError):
            sentence = "There is not enough memory."
        elif isinstance(error, OSError):
            sentence = system_fault(error)
            _give_up_standard_output()
        else:
            raise
        with suppress(OSError):
            typer.echo(f"unmask: {sentence}", err=True)
        sys.exit(2)


def _open_standard_streams() -> None:
    """Open the null device for standard streams that are closed (as by `<&-`).

    Otherwise a file opened later would get their descriptor, and what is printed. Characters that
    the encoding of standard output lacks are written as escapes: in a pipe on Windows it is not
    UTF-8, and a file name must not end a run.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _give_up_standard_output() -> None:
    """Discard what is still buffered for standard output: Python would fail on it again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
