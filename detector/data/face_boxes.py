"""Photos annotated with boxes of masked and bare faces, but without mask outlines."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.data.annotations import AnnotatedPicture
from weights.base.contracts import Image
from weights.base.errors import InputError
from weights.base.json_lines import read_json_lines

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""

WORN, BARE = frozenset({"with_mask", "incorrect"}), frozenset({"without_mask"})
"""Labels of faces with a mask, worn correctly or not, and of faces without."""


@dataclass(frozen=True)
class FaceBox:
    """One annotated face.

    Attributes:
        box: round the whole face.
        label: "with_mask", "without_mask", or "incorrect" for a mask that does not cover both mouth
            and nose.
    """

    box: Box
    label: str

    @property
    def masked(self) -> bool:
        """Whether there is a mask on it."""
        return self.label in WORN

    @property
    def width(self) -> float:
        """Width of the box, in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height of the box, in pixels."""
        return self.box[3] - self.box[1]


@dataclass(frozen=True)
class BoxedPicture:
    """A photo and its annotated faces.

    Attributes:
        file: the picture.
        faces: the annotated faces, at least one.
    """

    file: Path
    faces: tuple[FaceBox, ...]

    def load(self) -> Image:
        """Read the picture upright, uint8 RGB `(H, W, 3)`.

        Raises:
            InputError: the file is missing or not a readable picture.
        """
        return AnnotatedPicture(self.file).load()


def read_face_boxes(path: str | os.PathLike[str]) -> tuple[BoxedPicture, ...]:
    """Read the photos of a set that have face boxes but no outlines.

    Args:
        path: a `.jsonl` file with one picture per line: `file`, relative to the file's folder, and
            `face_boxes`, each with `label` and `xyxy` in pixels. Lines without face boxes, and
            those with outlines (`masks` or `polygons`), are left out.

    Raises:
        InputError: the file cannot be read or is malformed, or no picture has only face boxes.
    """
    source = Path(path)

    def picture(entry: dict[str, Any]) -> BoxedPicture | None:
        if entry.get("masks") or entry.get("polygons") or not entry.get("face_boxes"):
            return None
        faces = tuple(_face(face) for face in entry["face_boxes"])
        return BoxedPicture(source.parent / entry["file"], faces)

    pictures = read_json_lines(source, picture, "picture with face boxes")
    if not pictures:
        raise InputError(f"{source} has no pictures with face boxes but no outlines.")
    return tuple(pictures)


def _face(entry: Any) -> FaceBox:
    box = np.asarray(entry["xyxy"], np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
        raise ValueError(f"a box must be x0 < x1 and y0 < y1, not {entry['xyxy']!r}")
    label = entry["label"]
    if label not in WORN | BARE:
        raise ValueError(f"a face is one of {sorted(WORN | BARE)}, not {label!r}")
    return FaceBox((float(box[0]), float(box[1]), float(box[2]), float(box[3])), str(label))
