"""Adds photos of masked people with annotated outlines to a detection set's training split.

Drawn masks teach a detector most of what it needs; a few real ones teach the rest. Outlines of such
sets often include the ear straps, which are not part of our labels, so thin parts are removed by
morphological opening. Photos cropped to the face are pasted into larger scenes at many scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detector.data.annotations import AnnotatedPicture, read_annotations
from pipeline.dataset.backgrounds import cover
from pipeline.dataset.perceptual_hash import perceptual_hash, resembles
from pipeline.dataset.seeds import item_generator
from pipeline.dataset.stored_pictures import Making
from pipeline.dataset.textures import surface
from pipeline.dataset.training_part import TrainingPart, traced
from weights.base.contracts import Image, Mask
from weights.base.errors import InputError

STRAP_SHARE = 0.06
"""Parts of an outline thinner than this fraction of its width are straps."""


@dataclass(frozen=True)
class PhotographSummary:
    """What became of a set of photographs.

    Attributes:
        written: pictures that exist now, including all variants.
        near_duplicates: photographs left out because they resemble an evaluation picture.
        unreadable: photographs that cannot be decoded, or whose outline is only a strap.
    """

    written: int
    near_duplicates: tuple[str, ...]
    unreadable: tuple[str, ...]


def add_photographs(
    annotations: Path,
    detection: Path,
    *,
    variants: int = 6,
    size: int = 640,
    seed: int = 0,
    backgrounds: Path | None = None,
    measuring: Sequence[Path] = (),
) -> PhotographSummary:
    """Add photographs with outlines to `detection/{images,labels}/train`.

    Args:
        annotations: a .jsonl file for `detector.data.annotations.read_annotations`; lines without
            outlines are ignored.
        detection: the detection set, made by `build_dataset`.
        variants: pictures per photograph; the first is the photograph itself.
        size: side of the scenes that the photographs are pasted into, pixels.
        seed: seeds all random choices.
        backgrounds: folder of pictures without masks to paste on, in addition to plain surfaces.
        measuring: evaluation pictures, whose near-duplicates are not added.

    Raises:
        InputError: the annotations cannot be read, or `detection` is not a detection set.
    """
    part = TrainingPart(detection)
    known = [perceptual_hash(AnnotatedPicture(path).load()) for path in measuring]
    behind = sorted(path for path in backgrounds.iterdir() if path.is_file()) if backgrounds else []
    written, near, unreadable = 0, [], []
    for picture in read_annotations(annotations, masked_faces_without_outline="skip"):
        name = picture.file.stem
        if not picture.masks:
            continue
        try:
            photograph = picture.load()
        except InputError:
            unreadable.append(name)
            continue
        if resembles(photograph, known):
            near.append(name)
            continue
        mask: Mask = np.zeros(photograph.shape[:2], np.bool_)
        for outline in picture.masks:
            mask |= without_straps(outline.draw(photograph.shape[:2]), outline.width)
        if not mask.any():
            unreadable.append(name)
            continue
        for variant in range(variants):
            stem = f"photograph-{name}-{variant}"
            written += 1
            if all(file.exists() for file in part.files(stem)):
                continue
            image, shown = photograph, mask
            if variant > 0:
                random = item_generator(seed, f"photograph/{name}/{variant}")
                image, shown = _pasted(photograph, mask, size, behind, random)
            part.store(stem, image, traced([shown]), Making.PASTED)
    return PhotographSummary(written, tuple(near), tuple(unreadable))


def without_straps(mask: Mask, width: float) -> Mask:
    """Drop the parts of a mask `(H, W)` that are thinner than a strap; `width` is in pixels."""
    radius = max(1, round(STRAP_SHARE * width / 2))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # Without a border, opening would also remove the edge of masks cut off by the frame.
    padded = cv2.copyMakeBorder(
        mask.astype(np.uint8), radius, radius, radius, radius, cv2.BORDER_REPLICATE
    )
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, kernel)
    return opened[radius:-radius, radius:-radius].astype(bool)


def _pasted(
    photograph: Image, mask: Mask, size: int, behind: Sequence[Path], random: np.random.Generator
) -> tuple[Image, Mask]:
    height, width = mask.shape
    scale = size * float(np.exp(random.uniform(np.log(0.2), np.log(0.95)))) / max(height, width)
    small_size = (max(8, round(width * scale)), max(8, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(photograph, small_size, interpolation=way)
    small_mask = cv2.resize(mask.astype(np.float32), small_size, interpolation=way) > 0.5
    if behind and random.random() < 0.7:
        chosen = AnnotatedPicture(behind[int(random.integers(len(behind)))])
        scene = cover(chosen.load(), size, size, random).copy()
    else:
        scene = surface(size, size, random)
    top = int(random.integers(0, size - small.shape[0] + 1))
    left = int(random.integers(0, size - small.shape[1] + 1))
    window = (slice(top, top + small.shape[0]), slice(left, left + small.shape[1]))
    shown = np.zeros((size, size), np.bool_)
    scene[window], shown[window] = small, small_mask
    return scene, shown
