"""The record of what has been built: a line of JSON for each item, appended as it is finished."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, Self

from weights.base.atomic import atomic_path
from weights.base.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Line = dict[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Read the whole lines of a JSON-lines file; a line cut off by a killed process is dropped."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict):
            lines.append(line)
    return lines


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write a JSON-lines file anew, whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    with (
        atomic_path(path, overwrite=True) as temporary,
        temporary.open("w", encoding="utf-8") as file,
    ):
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


class Journal:
    """Appends lines to a JSON-lines file, each flushed at once, so that a kill loses one at most.

    Args:
        path: the file, whose folder is made where it is missing; what it holds stays, and a line
            that was cut off is ended.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("a", encoding="utf-8")
            if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
                self._file.write("\n")
        except OSError as error:
            raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, line: Mapping[str, Any]) -> None:
        """Add one line.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"Cannot write {self.path}: {error.strerror or error}.") from error
