"""The tables passed from step to step on a cluster, and the outcome in the last one's rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.run.outcome import ReportedFace, Status
from weights.base import errors
from weights.base.errors import UnmaskError

_TYPES = {
    "name": "string", "source": "string", "content": "large_binary", "beside": "large_binary",
    "status": "string", "error": "string", "note": "string", "faces": "string",
    "seconds": "float64",
}  # fmt: skip

READ = ("name", "source", "content", "status", "error")
"""Columns of pictures that were read: `status` is empty for those to process."""

MADE = ("name", "source", "content", "beside", "status", "error", "note", "faces", "seconds")
"""Columns of results; `beside` is the XMP for formats that cannot hold it."""

TOLD = ("name", "source", "status", "error", "note", "faces", "seconds")
"""Columns of each picture's outcome."""


FAULT = "fault"
"""Status of rows that report a fatal error: its message in `error`, its class in `note`."""


def fault_row(row: Mapping[str, Any], error: UnmaskError) -> dict[str, Any]:
    """A row that carries an error to the caller: Ray would pass on only its text."""
    return {
        **row,
        "content": None,
        "status": FAULT,
        "error": str(error),
        "note": type(error).__name__,
    }


def raise_fault(row: Mapping[str, Any]) -> None:
    """Raise the error that a row carries, if any.

    Raises:
        UnmaskError: the error given to `fault_row`.
    """
    if row["status"] == FAULT:
        kind = getattr(errors, row["note"], errors.UnmaskError)
        raise kind(row["error"])


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """Make a `pyarrow.Table`; missing values are null."""
    import pyarrow

    types = [(column, pyarrow.type_for_alias(_TYPES[column])) for column in columns]
    return pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(types))


@dataclass(frozen=True)
class RowOutcome:
    """The outcome of one picture of a data set.

    Attributes:
        name: of the picture; if the result is a file, its path below the output.
        source: where the picture came from; its name if it came from a table.
        status: "done", "no mask found", "skipped" or "failed".
        error: why it failed.
        note: why it was skipped, or what could not be kept.
        faces: the filled faces.
        seconds: time that the stages took.
    """

    name: str
    source: str
    status: Status
    error: str | None = None
    note: str | None = None
    faces: Sequence[ReportedFace] = ()
    seconds: float | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> RowOutcome:
        """Read a row of `TOLD`."""
        return cls(**{**row, "faces": json.loads(row["faces"] or "[]")})
