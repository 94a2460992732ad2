"""Annotated pictures for evaluation, with mask kinds if the data set has them."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import AnnotatedMask, AnnotatedPicture, read_annotations
from pipeline.dataset.manifest import read_lines
from pipeline.evaluation.drawn_faces import DrawnFace, DrawnFaces
from weights.base.contracts import Image, Mask


@dataclass(frozen=True, eq=False)
class DrawnPicture(AnnotatedPicture):
    """A face with a drawn mask, whose straps are known.

    Attributes:
        image: the picture with the mask, uint8 RGB `(H, W, 3)`.
    """

    image: Image = field(kw_only=True)

    def load(self) -> Image:
        """Return the picture with the mask, uint8 RGB `(H, W, 3)`."""
        return self.image


def read_annotated_set(path: str | os.PathLike[str], part: str) -> tuple[AnnotatedPicture, ...]:
    """Read an annotated set; masks drawn by `unmask synthesize` are labelled with their kinds.

    Args:
        path: as for `detector.data.annotations.read_annotations`, or a folder of faces with
            landmarks, on 200 of which masks are drawn.
        part: split of a `data.yaml` or of the faces.

    Raises:
        InputError: the set cannot be read.
    """
    source = Path(path)
    if source.is_dir():
        return tuple(_drawn(face, source) for face in DrawnFaces(source, split=part))
    pictures = read_annotations(source, part)
    manifest = source.parent.parent / "manifest.jsonl"
    if source.suffix not in (".yaml", ".yml") or not manifest.is_file():
        return pictures
    scenes = {
        Path(line["files"]["image"]).name: line
        for line in read_lines(manifest)
        if line.get("kind") == "scene"
        and line.get("part") == part
        and isinstance(line.get("files"), dict)
        and "image" in line["files"]
    }
    return tuple(_labelled(picture, scenes.get(picture.file.name)) for picture in pictures)


def _drawn(face: DrawnFace, folder: Path) -> DrawnPicture:
    mask = AnnotatedMask(_pieces(face.mask), face.groups["mask kind"], _pieces(face.straps))
    return DrawnPicture(folder / face.name, (mask,), (face.groups["worn"],), image=face.masked)


def _pieces(mask: Mask) -> tuple[NDArray[np.float64], ...]:
    """Outlines `(K, 2)` of a mask's pieces, without those of one or two pixels."""
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return tuple(contour[:, 0].astype(np.float64) for contour in contours if len(contour) > 2)


def _labelled(picture: AnnotatedPicture, scene: dict[str, Any] | None) -> AnnotatedPicture:
    if scene is None:
        return picture
    records = scene.get("records") or []
    tags = (*picture.tags, str(scene["layout"])) if scene.get("layout") else picture.tags
    masks = picture.masks
    # A partly hidden mask may have several outlines; then they cannot be assigned.
    if len(records) == len(masks):
        masks = tuple(
            dataclasses.replace(mask, label=str(record.get("kind", mask.label)))
            for mask, record in zip(masks, records, strict=True)
        )
    return dataclasses.replace(picture, masks=masks, tags=tags)
