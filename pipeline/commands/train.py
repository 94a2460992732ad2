"""`unmask train`: trains the networks, with the options of each trainer's own program."""

from __future__ import annotations

import importlib
from typing import Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Train the detector, its confirmation, the landmarks or the inpainter on your own data.",
    add_completion=False,
)

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _run(module: str, context: Any) -> None:
    raise typer.Exit(importlib.import_module(module).main(context.args))


@app.command(context_settings=_PASSED_ON)
def detector(context: typer.Context) -> None:
    """Train a mask detector on a YOLO data set; options as `python -m detector.train`."""
    _run("detector.train.command", context)


@app.command(context_settings=_PASSED_ON)
def confirmation(context: typer.Context) -> None:
    """Train a detector's verifier; options as `python -m detector.train.verifier_command`."""
    _run("detector.train.verifier_command", context)


@app.command(context_settings=_PASSED_ON)
def landmarks(context: typer.Context) -> None:
    """Train the landmark network; options as `python -m detector.train.landmarks_command`."""
    _run("detector.train.landmarks_command", context)


@app.command(context_settings=_PASSED_ON)
def inpainter(context: typer.Context) -> None:
    """Train a completion network from a recipe; options as `python -m inpainter.train`."""
    _run("inpainter.train", context)
