"""Reads faces and their landmarks from an annotation file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from detector.synthesis.outline import Points, check_landmarks
from weights.base.dealing import Part, read_part
from weights.base.errors import InputError
from weights.base.json_lines import read_json_lines
from weights.images.orientation import read_orientation
from weights.images.reading import open_picture

_KNOWN = ("file", "landmarks", "split", "width", "height")


@dataclass(frozen=True)
class FaceAnnotation:
    """A picture of a face and its landmarks.

    Attributes:
        file: the picture.
        landmarks: iBUG points `(68, 2)`, x y in pixels.
        split: "train", "val" or "test", if annotated.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        extra: all other entries of the annotation.
    """

    file: Path
    landmarks: Points
    split: Part | None
    width: int
    height: int
    extra: dict[str, Any] = field(default_factory=dict)


def load_faces(path: str | os.PathLike[str]) -> list[FaceAnnotation]:
    """Read an annotation file with one JSON object per line.

    Each has `file` (relative to the annotation file's folder) and `landmarks` (68 pairs x y);
    `split` is optional, `width` and `height` are read from the picture if missing, and other
    entries go to `extra`.

    Args:
        path: the file, or a folder that holds `faces.jsonl`.

    Raises:
        InputError: the file cannot be read, or a line is malformed; the message names the line.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "faces.jsonl"

    def face(entry: dict[str, Any]) -> FaceAnnotation:
        picture = file.parent / str(entry["file"])
        if "width" not in entry or "height" not in entry:
            entry["width"], entry["height"] = _size(picture)
        return FaceAnnotation(
            file=picture,
            landmarks=check_landmarks(np.asarray(entry["landmarks"], np.float64)),
            split=read_part(entry.get("split")),
            width=int(entry["width"]),
            height=int(entry["height"]),
            extra={key: value for key, value in entry.items() if key not in _KNOWN},
        )

    return read_json_lines(file, face, "annotated face")


def _size(picture: Path) -> tuple[int, int]:
    """Width and height of a picture as displayed.

    Raises:
        ValueError: it cannot be opened.
    """
    try:
        with picture.open("rb") as stream:
            image = open_picture(stream, str(picture))
            (width, height), turned = image.size, read_orientation(image) >= 5
    except (OSError, InputError) as error:
        raise ValueError(f"its picture {picture} cannot be opened") from error
    return (height, width) if turned else (width, height)
