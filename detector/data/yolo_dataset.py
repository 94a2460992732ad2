"""Reads segmentation data sets in YOLO's folder layout.

A `data.yaml` names the picture folders of each split; next to every `images` folder is a `labels`
folder with one text file per picture, each line a class number and a polygon in fractions of the
picture's width and height. A picture with an empty or missing label file has no objects.

Ultralytics' own reader is not used: it runs the download script that a `data.yaml` may contain,
loads pickled caches from the label folders, and rewrites damaged pictures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weights.base.errors import ConfigurationError, InputError
from weights.base.text_files import read_lines
from weights.base.yaml_text import read_yaml_file

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_FARTHEST = 0.5
"""How far outside the picture a coordinate may be, as a fraction of it."""

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class YoloDataset:
    """The pictures of a data set, by split.

    Attributes:
        root: base folder of relative paths.
        names: class names by class number.
        pictures: picture files of each split in the `data.yaml`, sorted.
    """

    root: Path
    names: tuple[str, ...]
    pictures: Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Labels:
    """The labels of one picture.

    Attributes:
        classes: class number of each object `(N,)`.
        polygons: outline of each object `(K, 2)`, x y as fractions of width and height, 0 to 1.
    """

    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    polygons: tuple[NDArray[np.float32], ...] = ()

    @property
    def boxes(self) -> NDArray[np.float32]:
        """Boxes round the polygons `(N, 4)`: centre x, centre y, width, height as fractions."""
        boxes = np.zeros((len(self.polygons), 4), np.float32)
        for index, polygon in enumerate(self.polygons):
            low, high = polygon.min(axis=0), polygon.max(axis=0)
            boxes[index] = (*((low + high) / 2), *(high - low))
        return boxes


def read_yolo_dataset(data_yaml: str | os.PathLike[str]) -> YoloDataset:
    """Read a `data.yaml` and list the pictures that it names.

    A `download` entry is ignored; nothing is downloaded or run.

    Raises:
        InputError: the file is missing or not such a description, or a split has no picture.
    """
    path = Path(data_yaml)
    try:
        content = read_yaml_file(path)
    except ConfigurationError as error:
        raise InputError(f"Cannot read the data set description: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must be a mapping with the keys train, val and names.")
    missing = [key for key in ("train", "val", "names") if content.get(key) is None]
    if missing:
        raise InputError(f"{path} lacks the key {missing[0]!r}: train, val and names are needed.")
    root = Path(str(content.get("path") or "."))
    if not root.is_absolute():
        root = path.parent / root
    pictures = {
        part: _list_pictures(root, content[part], path)
        for part in PARTS
        if content.get(part) is not None
    }
    return YoloDataset(root.resolve(), _names(content["names"], path), pictures)


def _names(value: Any, path: Path) -> tuple[str, ...]:
    if isinstance(value, list) and value:
        return tuple(str(name) for name in value)
    if isinstance(value, dict) and value and set(value) == set(range(len(value))):
        return tuple(str(value[index]) for index in range(len(value)))
    raise InputError(f"names in {path} must be a list, or a mapping from 0, 1, ... to names.")


def _list_pictures(root: Path, entry: Any, path: Path) -> tuple[Path, ...]:
    found: list[Path] = []
    for part in entry if isinstance(entry, list) else [entry]:
        place = root / str(part)
        try:
            is_folder, is_file = place.is_dir(), place.is_file()
        except OSError as error:  # such as for a name that is too long
            raise InputError(
                f"{path} names a path that cannot be accessed: {error.strerror}."
            ) from error
        if is_folder:
            found += [file for file in place.rglob("*") if file.suffix.lower() in PICTURE_SUFFIXES]
        elif is_file:
            lines = read_lines(place, "the list of pictures")
            found += [place.parent / line.strip() for line in lines if line.strip()]
        else:
            raise InputError(f"{path} names {part!r}, but there is no {place}.")
    if not found:
        raise InputError(f"{path} names {entry!r}, but there are no pictures there.")
    return tuple(sorted(file.absolute() for file in found))


def label_file(picture: Path) -> Path:
    """The label file of a picture: its path with the last `images` folder replaced by `labels`."""
    parts = list(picture.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def read_labels(picture: Path, class_count: int) -> Labels:
    """Read a picture's labels; none if it has no label file.

    Coordinates outside the picture are clipped to its border; polygons with nothing left are
    skipped.

    Raises:
        InputError: a line is not a class number below `class_count` and a polygon of three points
            or more, or has coordinates far outside the picture, as pixel coordinates would be.
    """
    path = label_file(picture)
    if not path.is_file():
        return Labels()
    classes: list[int] = []
    polygons: list[NDArray[np.float32]] = []
    for number, line in enumerate(read_lines(path, "the labels"), 1):
        values = line.split()
        if not values:
            continue
        try:
            class_number = int(values[0])
            polygon = np.array(values[1:], np.float32)
        except ValueError:
            class_number, polygon = -1, np.zeros(0, np.float32)
        if (
            not 0 <= class_number < class_count
            or len(polygon) < 6
            or len(polygon) % 2
            or not np.isfinite(polygon).all()
        ):
            raise InputError(
                f"Line {number} of {path} must be a class number below {class_count} and three or "
                "more x y pairs."
            )
        if not (polygon.min() > -_FARTHEST and polygon.max() < 1.0 + _FARTHEST):
            raise InputError(
                f"Line {number} of {path} must have x y pairs as fractions of the picture, 0 to 1, "
                f"but has {polygon[np.abs(polygon - 0.5).argmax()]:g}: are they pixels?"
            )
        points = np.clip(polygon.reshape(-1, 2), 0.0, 1.0)
        if (np.ptp(points, axis=0) > 0).all():
            classes.append(class_number)
            polygons.append(points)
    return Labels(np.array(classes, np.int64), tuple(polygons))
