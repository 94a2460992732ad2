"""Photographs whose annotators marked the faces, and which of them are masked, but no outline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detector.data.annotations import AnnotatedPicture
from weights.base.errors import InputError
from weights.base.json_lines import read_json_lines

if TYPE_CHECKING:
    import os

    from weights.base.contracts import Image

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""

WORN, BARE = frozenset({"with_mask", "incorrect"}), frozenset({"without_mask"})
"""Labels of faces with a mask on or about them, and of those without."""


@dataclass(frozen=True)
class FaceBox:
    """One marked face.

    Attributes:
        box: round the whole face.
        label: "with_mask", "without_mask" or "incorrect", which is a mask that does not cover both
            mouth and nose.
    """

    box: Box
    label: str

    @property
    def masked(self) -> bool:
        """Whether a mask is to be found on it."""
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
    """One photograph and every face marked on it.

    Attributes:
        file: the picture.
        faces: every marked face, at least one.
    """

    file: Path
    faces: tuple[FaceBox, ...]

    def load(self) -> Image:
        """Read the picture upright, uint8 RGB `(H, W, 3)`.

        Raises:
            InputError: the file is missing or no readable picture.
        """
        return AnnotatedPicture(self.file).load()


def read_face_boxes(path: str | os.PathLike[str]) -> tuple[BoxedPicture, ...]:
    """Read the photographs of a set that have face boxes and no outlines.

    Args:
        path: a `.jsonl` file with one picture per line: `file`, relative to the file's folder, and
            `face_boxes`, each with `label` and `xyxy` in pixels. Lines without face boxes, and
            those with `masks` or `polygons`, whose outlines are known, are left out.

    Raises:
        InputError: the file cannot be read or is malformed, or no picture has face boxes alone.
    """
    source = Path(path)

    def picture(entry: dict[str, Any]) -> BoxedPicture | None:
        if entry.get("masks") or entry.get("polygons") or not entry.get("face_boxes"):
            return None
        faces = tuple(_face(face) for face in entry["face_boxes"])
        return BoxedPicture(source.parent / entry["file"], faces)

    pictures = read_json_lines(source, picture, "picture with face boxes")
    if not pictures:
        raise InputError(f"{source} has no picture with face boxes and without outlines.")
    return tuple(pictures)


def _face(entry: Any) -> FaceBox:
    box = np.asarray(entry["xyxy"], np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
        raise ValueError(f"a box must be x0 < x1 and y0 < y1, not {entry['xyxy']!r}")
    label = entry["label"]
    if label not in WORN | BARE:
        raise ValueError(f"a face is one of {sorted(WORN | BARE)}, not {label!r}")
    return FaceBox((float(box[0]), float(box[1]), float(box[2]), float(box[3])), str(label))
