"""The outcome of a picture or video of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from pipeline.result import UnmaskResult
from pipeline.run.folder import Job
from weights.base.errors import UnmaskError, system_fault
from weights.base.regions import bounding_box

Status = Literal["done", "no mask found", "skipped", "failed", "to do"]
"""The outcome of a file; the last is that of a dry run."""

ReportedFace: TypeAlias = dict[str, Any]
"""A filled face in a report, as JSON values: `box`, x0, y0, x1, y1 of the filled area in pixels;
`filled_pixels`; `score`, the detector's confidence, None for the user's own mask; and, if the
outlook of the fill is known, its `concerns` and `chance`."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one picture or video.

    Attributes:
        job: the file.
        status: "done"; "no mask found" (the output is a copy of the input); "skipped" (the output
            exists); "failed"; or "to do".
        reason: why it was skipped or failed, or what could not be kept.
        faces: the filled faces of a picture.
        timings: seconds per stage.
        written: every file written for it.
        frames: number of frames of a video.
    """

    job: Job
    status: Status
    reason: str = ""
    faces: Sequence[ReportedFace] = ()
    timings: dict[str, float] = field(default_factory=dict)
    written: tuple[Path, ...] = ()
    frames: int | None = None

    def to_mapping(self) -> dict[str, Any]:
        """Return the outcome as it is written to a report: strings, numbers, lists and mappings."""
        mapping: dict[str, Any] = {
            "input": str(self.job.source),
            "output": str(self.job.output),
            "status": self.status,
            "reason": self.reason,
            "faces": list(self.faces),
            "seconds": {key: round(value, 6) for key, value in self.timings.items()},
            "written": [str(path) for path in self.written],
        }
        if self.frames is not None:
            mapping["frames"] = self.frames
        return mapping


def reported_faces(result: UnmaskResult) -> list[ReportedFace]:
    """The filled faces of a result, for a report."""
    faces = []
    for face in result.faces:
        reported: ReportedFace = {
            "box": list(bounding_box(face.hole) or (0, 0, 0, 0)),
            "filled_pixels": int(np.count_nonzero(face.hole)),
            "score": None if face.score is None else round(face.score, 4),
        }
        if face.outlook is not None:
            chance = face.outlook.chance
            reported["concerns"] = list(face.outlook.concerns)
            reported["chance"] = None if chance is None else round(chance, 2)
        faces.append(reported)
    return faces


def failure(job: Job, error: BaseException) -> Outcome:
    """Make the outcome of a file that failed with an error."""
    return Outcome(job, "failed", reason_of(error))


def reason_of(error: BaseException) -> str:
    """Describe an error to the user in one line."""
    if isinstance(error, UnmaskError):
        return str(error)
    if isinstance(error, OSError):
        return system_fault(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this picture."
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
