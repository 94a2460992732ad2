"""The manifest of a data set: a line of JSON per item, appended when it is finished."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, Self

from weights.base.atomic import atomic_path
from weights.base.errors import OutputError

Line = dict[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Read a JSON-lines file, without a last line cut off by a killed process."""
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
    """Write a JSON-lines file atomically.

    Raises:
        OutputError: the folder cannot be written.
    """
    with (
        atomic_path(path, overwrite=True) as temporary,
        temporary.open("w", encoding="utf-8") as file,
    ):
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


class Journal:
    """Appends lines to a JSON-lines file, flushing each, so that a kill loses at most one.

    Args:
        path: the file, whose folder is created if missing; existing lines are kept, and a line that
            was cut off is ended.

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
