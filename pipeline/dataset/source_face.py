"""A source face of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.dataset.labels import Points


@dataclass(frozen=True, eq=False)
class SourceFace:
    """One face in one picture.

    Attributes:
        name: the picture's file name, relative to the folder of faces, with forward slashes.
        file: where the picture is.
        landmarks: iBUG points `(68, 2)`, x y pixels.
        split: the split named by the annotation, if any.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        person: identity, if annotated; a person belongs to one split.
    """

    name: str
    file: Path
    landmarks: Points
    split: str | None
    width: int
    height: int
    person: str | None = None
