"""Pictures with annotated mask outlines, for evaluating detectors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.yolo_dataset import read_labels, read_yolo_dataset
from weights.base.contracts import Image, Mask
from weights.base.errors import InputError
from weights.base.json_lines import read_json_lines
from weights.images.reading import read_image

_Entry = TypeVar("_Entry")

_MASKED_FACES = frozenset({"with_mask", "incorrect"})
_FRACTION_BITS = 4
_FARTHEST = 1e6
"""Upper bound of annotated coordinates, in pixels."""


@dataclass(frozen=True, eq=False)
class AnnotatedMask:
    """The outline of one mask.

    Attributes:
        pieces: polygons `(K, 2)`, x y in pixels; together they are the mask.
        label: name of the class.
        straps: polygons of its ear loops and strings, if annotated.
    """

    pieces: tuple[NDArray[np.float64], ...]
    label: str = "mask"
    straps: tuple[NDArray[np.float64], ...] = ()

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Box x0, y0, x1, y1 round all pieces, in pixels."""
        points = np.concatenate(self.pieces)
        low, high = points.min(axis=0), points.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def width(self) -> float:
        """Width of the box, in pixels."""
        return self.box[2] - self.box[0]

    def draw(self, size: tuple[int, int]) -> Mask:
        """Rasterise the outline at that height and width: bool `(H, W)`."""
        return _filled(self.pieces, size)

    def draw_straps(self, size: tuple[int, int]) -> Mask:
        """Rasterise the straps, bool `(H, W)`, without what the mask covers."""
        return _filled(self.straps, size) & ~self.draw(size)


def _filled(polygons: Sequence[NDArray[np.float64]], size: tuple[int, int]) -> Mask:
    canvas = np.zeros(size, np.uint8)
    for polygon in polygons:
        fixed = np.rint(polygon * 2**_FRACTION_BITS).astype(np.int32)
        cv2.fillPoly(canvas, [fixed[:, None, :]], 1, cv2.LINE_8, _FRACTION_BITS)
    return canvas.astype(bool)


@dataclass(frozen=True, eq=False)
class AnnotatedPicture:
    """A picture and every worn mask on it.

    Attributes:
        file: the picture.
        masks: every worn mask; empty for a picture without masks.
        tags: noted by the annotator.
    """

    file: Path
    masks: tuple[AnnotatedMask, ...] = ()
    tags: tuple[str, ...] = ()

    def load(self) -> Image:
        """Read the picture upright, uint8 RGB `(H, W, 3)`.

        Raises:
            InputError: the file is missing or not a readable picture.
        """
        return np.asarray(read_image(self.file, str(self.file)).convert("RGB"))


def read_annotations(
    path: str | os.PathLike[str],
    part: str = "val",
    *,
    masked_faces_without_outline: Literal["refuse", "skip"] = "refuse",
) -> tuple[AnnotatedPicture, ...]:
    """Read an annotated set.

    Args:
        path: a `.jsonl` file with one picture per line (`file`, relative to the file's folder;
            `masks`, each with `pieces` of x y pixels and optionally `straps` likewise, or
            `polygons`, each with `points`; `tags`), or a `data.yaml` of a YOLO segmentation set. A
            line without masks is a picture without masks.
        part: split of a `data.yaml`.
        masked_faces_without_outline: what to do with a picture that has boxes of masked faces but
            no outline, and so cannot be evaluated.

    Raises:
        InputError: the file cannot be read, a picture shows masks without an outline, or the set
            has no picture.
    """
    source = Path(path)
    if source.suffix in (".yaml", ".yml"):
        return _from_yolo(source, part)
    skip = masked_faces_without_outline == "skip"
    pictures = read_json_lines(
        source, lambda entry: _picture(entry, source.parent, skip=skip), "annotated picture"
    )
    if not pictures:
        raise InputError(f"{source} lists no picture.")
    return tuple(pictures)


def spread(entries: Sequence[_Entry], most: int | None) -> Sequence[_Entry]:
    """Return at most `most` entries, evenly spread over all; all if None."""
    if most is None or len(entries) <= most:
        return entries
    return [entries[index * len(entries) // most] for index in range(most)]


def _picture(entry: dict[str, Any], folder: Path, *, skip: bool) -> AnnotatedPicture | None:
    file = folder / entry["file"]
    if "masks" in entry:
        drawn = [
            (mask["pieces"], mask.get("label", "mask"), mask.get("straps", ()))
            for mask in entry["masks"]
        ]
    else:
        drawn = [
            ([polygon["points"]], polygon.get("label", "mask"), ())
            for polygon in entry.get("polygons") or []
        ]
    masks = tuple(
        AnnotatedMask(tuple(map(_polygon, pieces)), str(label), tuple(map(_polygon, straps)))
        for pieces, label, straps in drawn
    )
    if not all(mask.pieces for mask in masks):
        raise ValueError("a mask has no pieces")
    faces = [face.get("label") for face in entry.get("face_boxes") or []]
    if not masks and any(label in _MASKED_FACES for label in faces):
        if skip:
            return None
        raise ValueError(
            "it has boxes of masked faces but no outline of a mask, so nothing can be measured"
        )
    return AnnotatedPicture(file, masks, tuple(str(tag) for tag in entry.get("tags") or ()))


def _polygon(points: Sequence[Any]) -> NDArray[np.float64]:
    polygon = np.asarray(points, np.float64)
    if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3:
        raise ValueError(f"a polygon has the shape {polygon.shape}, not (3 or more, 2)")
    if not (np.abs(polygon) < _FARTHEST).all():
        raise ValueError("a polygon has a point that is not finite, or lies far outside a picture")
    return polygon


def _from_yolo(path: Path, part: str) -> tuple[AnnotatedPicture, ...]:
    dataset = read_yolo_dataset(path)
    if part not in dataset.pictures:
        known = ", ".join(dataset.pictures)
        raise InputError(f"{path} has no part {part!r}; it has {known}.")
    pictures = []
    for file in dataset.pictures[part]:
        labels = read_labels(file, len(dataset.names))
        masks: tuple[AnnotatedMask, ...] = ()
        if labels.polygons:
            height, width = AnnotatedPicture(file).load().shape[:2]
            masks = tuple(
                AnnotatedMask(
                    (polygon.astype(np.float64) * (width, height),), dataset.names[int(number)]
                )
                for polygon, number in zip(labels.polygons, labels.classes, strict=True)
            )
        pictures.append(AnnotatedPicture(file, masks))
    return tuple(pictures)
