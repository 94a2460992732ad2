"""Stores results as they come in, so that an interrupted measurement can be resumed."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inpainter.evaluation.results import CaseResult
from pipeline.dataset.manifest import Journal, Line, read_lines
from weights.base.errors import InputError

UNFINISHED: Final = "unfinished.jsonl"
"""Name of the file in a report's folder; removed once the report exists."""


_FEATURES: Final = ("features", "hole_features")
"""Fields of a result with features of the result and of the truth."""


class Unfinished(Journal):
    """The results of an unfinished measurement, one line each, after a line of its settings.

    As a context manager it closes the file, and removes it if it holds no result.

    Args:
        folder: the report's folder; created if missing.
        settings: what the results depend on; plain values.
        overwrite: start over if the existing file has other settings.

    Attributes:
        lines: the results of earlier runs.

    Raises:
        InputError: there are results of other settings, and `overwrite` is False.
        OutputError: the folder cannot be written.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], *, overwrite: bool = False
    ) -> None:
        path = folder / UNFINISHED
        text = {str(key): str(value) for key, value in settings.items()}
        found = read_lines(path)
        if found and found[0].get("settings") != text:
            if not overwrite and len(found) > 1:
                raise InputError(_difference(path, found[0].get("settings"), text))
            path.unlink()
            found = []
        self.lines: list[Line] = found[1:]
        self._empty = not self.lines
        super().__init__(path)
        if not found:
            super().append({"settings": text})

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._empty:
            # A measurement that failed at its first case leaves nothing to resume.
            self.finish()

    def append(self, line: Mapping[str, Any]) -> None:
        """Store one result.

        Raises:
            OutputError: it cannot be written.
        """
        super().append(line)
        self._empty = False

    def finish(self) -> None:
        """Remove the file: the report is written."""
        self.path.unlink(missing_ok=True)


def _difference(path: Path, there: Any, here: Mapping[str, str]) -> str:
    known = there if isinstance(there, dict) else {}
    differing = next(
        (key for key in sorted({*known, *here}) if known.get(key) != here.get(key)), "settings"
    )
    return (
        f"{path} holds results measured with other settings ({differing} was "
        f"{known.get(differing)!r} and is {here.get(differing)!r}): use those, choose another "
        "folder, or start over with --overwrite."
    )


def result_line(result: CaseResult) -> Line:
    """Convert a result to a line of JSON."""
    line: Line = {
        "case": result.case,
        "system": result.system,
        "hole_area": result.hole_area,
        "groups": dict(result.groups),
        "values": dict(result.values),
    }
    for key in _FEATURES:
        pair = getattr(result, key)
        if pair is not None:
            line[key] = [
                base64.b64encode(np.ascontiguousarray(row, "<f4").tobytes()).decode("ascii")
                for row in pair
            ]
    return line


def result_from_line(line: Line) -> CaseResult:
    """Convert a line of JSON to a result."""
    return CaseResult(
        line["case"],
        line["system"],
        float(line["hole_area"]),
        line["groups"],
        {name: float(value) for name, value in line["values"].items()},
        *(_pair(line.get(key)) for key in _FEATURES),
    )


def _pair(
    texts: Sequence[str] | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    if texts is None:
        return None
    first, second = (
        np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32) for text in texts
    )
    return first, second
