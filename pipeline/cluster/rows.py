"""The tables that go from step to step on a cluster, and what a row of the last one tells."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.run.outcome import FilledFace, Status
from weights.base import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weights.base.errors import UnmaskError

_TYPES = {
    "name": "string", "source": "string", "content": "large_binary", "beside": "large_binary",
    "status": "string", "error": "string", "note": "string", "faces": "string",
    "seconds": "float64",
}  # fmt: skip

READ = ("name", "source", "content", "status", "error")
"""Columns of pictures that were read: `status` is empty for those to work on."""

MADE = ("name", "source", "content", "beside", "status", "error", "note", "faces", "seconds")
"""Columns of results; `beside` is the XMP of formats that hold none."""

TOLD = ("name", "source", "status", "error", "note", "faces", "seconds")
"""Columns of what became of each picture."""


FAULT = "fault"
"""The status of rows that say why nothing can be done: by `error`, of the class `note`."""


def fault_row(row: Mapping[str, Any], error: UnmaskError) -> dict[str, Any]:
    """A row that carries an error to the caller: Ray would hand on its text alone."""
    return {
        **row,
        "content": None,
        "status": FAULT,
        "error": str(error),
        "note": type(error).__name__,
    }


def raise_fault(row: Mapping[str, Any]) -> None:
    """Raise the error that a row carries, if it does.

    Raises:
        UnmaskError: as `fault_row` was given it.
    """
    if row["status"] == FAULT:
        kind = getattr(errors, row["note"], errors.UnmaskError)
        raise kind(row["error"])


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """Make a `pyarrow.Table`; what a row lacks is null."""
    import pyarrow

    types = [(column, pyarrow.type_for_alias(_TYPES[column])) for column in columns]
    return pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(types))


@dataclass(frozen=True)
class RowOutcome:
    """What became of one picture of a data set.

    Attributes:
        name: of the picture; of a result that is a file, its path below the output.
        source: where the picture came from; its name where it came in a table.
        status: "done", "no mask found", "skipped" or "failed".
        error: why it failed.
        note: why it was skipped, or what could not be kept.
        faces: the filled faces.
        seconds: that the stages took.
    """

    name: str
    source: str
    status: Status
    error: str | None = None
    note: str | None = None
    faces: tuple[FilledFace, ...] = field(default=())
    seconds: float | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> RowOutcome:
        """Read a row of `TOLD`."""
        faces = tuple(map(FilledFace.from_mapping, json.loads(row["faces"] or "[]")))
        return cls(**{**row, "faces": faces})


def faces_text(faces: Sequence[FilledFace]) -> str:
    """Filled faces as JSON, for a column of text."""
    return json.dumps([face.to_mapping() for face in faces])
