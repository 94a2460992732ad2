"""Reading annotation files with one JSON object per line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from weights.base.errors import InputError
from weights.base.json_text import parse_json
from weights.base.text_files import read_lines

_Entry = TypeVar("_Entry")


def read_json_lines(
    path: Path, parse: Callable[[dict[str, Any]], _Entry | None], what: str
) -> list[_Entry]:
    """Read a file with one JSON object per line; blank lines are ignored.

    Args:
        path: the file.
        parse: makes an entry of a line's object, or returns None to skip it; it may raise KeyError,
            TypeError, ValueError or AttributeError if it is malformed.
        what: what a line describes, for the error message, such as "annotated picture".

    Raises:
        InputError: the file cannot be read, or a line is malformed; the message names file, line
            and fault.
    """
    entries = []
    for number, line in enumerate(read_lines(path, "the annotations"), start=1):
        if not line.strip():
            continue
        try:
            value = parse_json(line, "it")
            if not isinstance(value, dict):
                raise TypeError(f"it must be a JSON object, but is {line.strip()[:40]!r}")
            entry = parse(value)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            fault = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(
                f"Line {number} of {path} is not a valid {what}: {fault.removesuffix('.')}."
            ) from error
        if entry is not None:
            entries.append(entry)
    return entries
