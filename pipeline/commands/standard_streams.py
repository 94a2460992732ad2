"""Pictures read from standard input and written to standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.run.folder import Findings, FoundFile
from weights.base.errors import InputError, OutputError
from weights.images.mark_reader import sidecar_path

STREAM = "-"
"""Name of standard input and standard output on the command line."""

INPUT_NAME = "standard input"


def is_piped(paths: Sequence[str]) -> bool:
    """Whether the one input is standard input.

    Raises:
        InputError: standard input is combined with other paths, or is a terminal.
    """
    if STREAM not in paths:
        return False
    if len(paths) > 1:
        raise InputError("Standard input, -, is one picture: it cannot be named with other paths.")
    if sys.stdin.isatty():
        raise InputError(
            "Standard input is empty: pipe a picture in, as in 'unmask run - -o - < photo.jpg > "
            "result.jpg'."
        )
    return True


def check_standard_output() -> None:
    """Refuse, before any work, to write a picture to a terminal.

    Raises:
        OutputError: standard output is a terminal.
    """
    if sys.stdout.isatty():
        raise OutputError(
            "A picture is not written to a terminal: pipe it on, as in 'unmask run photo.jpg -o - "
            "> result.jpg', or name a file."
        )


def found_on_standard_input(folder: Path) -> Findings:
    """Read standard input to its end into a file of a temporary folder, so that it can be found.

    If the folder is `STREAM` itself, in a dry run, nothing is read.
    """
    path = folder / INPUT_NAME
    if str(folder) != STREAM:
        path.write_bytes(sys.stdin.buffer.read())
    return Findings((FoundFile(path, path.relative_to(folder)),), (), (), True)


def write_standard_output(result: Path) -> None:
    """Write a result to standard output.

    Raises:
        OutputError: the format has no room for the provenance mark, which would then be lost.
    """
    if sidecar_path(result).exists():
        raise OutputError(
            "This format cannot hold the note that a model edited the picture, and standard "
            "output has no file next to it: add --format png."
        )
    sys.stdout.buffer.write(result.read_bytes())
    sys.stdout.buffer.flush()
