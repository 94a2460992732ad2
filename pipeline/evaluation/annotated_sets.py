"""Annotated pictures for measuring, with the kinds of masks where their data set knows them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.annotations import AnnotatedPicture, read_annotations
from pipeline.dataset.manifest import read_lines

if TYPE_CHECKING:
    import os


def read_annotated_set(path: str | os.PathLike[str], part: str) -> tuple[AnnotatedPicture, ...]:
    """Read an annotated set; masks that `unmask synthesize` drew are labelled with their kinds.

    Args:
        path: as for `detector.annotations.read_annotations`.
        part: which part of a `data.yaml` is read.

    Raises:
        InputError: the set cannot be read.
    """
    source = Path(path)
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


def _labelled(picture: AnnotatedPicture, scene: dict[str, Any] | None) -> AnnotatedPicture:
    if scene is None:
        return picture
    records = scene.get("records") or []
    tags = (*picture.tags, str(scene["layout"])) if scene.get("layout") else picture.tags
    masks = picture.masks
    # A mask that something hides in part may have several outlines; then it is not known whose.
    if len(records) == len(masks):
        masks = tuple(
            dataclasses.replace(mask, label=str(record.get("kind", mask.label)))
            for mask, record in zip(masks, records, strict=True)
        )
    return dataclasses.replace(picture, masks=masks, tags=tags)
