"""Pairs for the inpainter: the true face, the same face with a mask, and the mask's hole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from detector.synthesis import CannotDrawMaskError, TemplateFolder
from pipeline.crop import Crop
from pipeline.dataset.checks import draw_checked_mask
from pipeline.dataset.labels import Points
from weights.base.contracts import Hole, Image
from weights.base.protocols import Refiner
from weights.base.regions import MaskRegion


@dataclass(frozen=True)
class Pair:
    """A face with and without a drawn mask; all pictures have equal height and width.

    Attributes:
        image: the true face, uint8 RGB `(H, W, 3)`.
        masked: the face with the drawn mask, likewise.
        hole: made from the exact mask by the refiner, bool `(H, W)`.
        polygons: outlines of the mask, each `(K, 2)`, x y pixels, whole numbers at pixel centres.
        record: how the mask was drawn.
    """

    image: Image
    masked: Image
    hole: Hole
    polygons: list[Points]
    record: dict[str, Any]


def make_pair(
    image: Image,
    landmarks: Points,
    random: np.random.Generator,
    refiner: Refiner,
    *,
    size: int | None = None,
    templates: TemplateFolder | None = None,
) -> Pair:
    """Draw a mask on a face and make the hole for unmasking it.

    Args:
        image: uint8 RGB `(H, W, 3)` with one face.
        landmarks: iBUG points `(68, 2)`, x y pixels.
        random: random generator.
        refiner: makes the hole from the exact mask, as the pipeline does from a detected one.
        size: side of the pictures, cropped to the square round the hole that the completion network
            sees, and scaled. None keeps the whole picture at its own size.
        templates: photos of masks; None draws all masks.

    Raises:
        CannotDrawMaskError: no mask can be drawn on the face, or the mask fails the checks.
        InputError: the landmarks are malformed.
    """
    drawn = draw_checked_mask(image, landmarks, random, templates)
    holes = refiner.refine(drawn.masked, [MaskRegion.from_mask(drawn.mask)])
    if not holes:
        raise CannotDrawMaskError("no-hole", "The refiner makes no hole from the drawn mask.")
    hole = np.asarray(np.logical_or.reduce(holes), dtype=bool)
    polygons = [np.asarray(polygon, dtype=np.float64) for polygon in drawn.polygon]
    if size is None:
        return Pair(image, drawn.masked, hole, polygons, dict(drawn.record))
    crop = Crop.around(hole)
    how = cv2.INTER_AREA if crop.side > size else cv2.INTER_CUBIC
    shots = [
        np.asarray(cv2.resize(crop.take(picture), (size, size), interpolation=how), dtype=np.uint8)
        for picture in (image, drawn.masked)
    ]
    cut = cv2.resize(
        crop.take(hole).astype(np.uint8) * 255, (size, size), interpolation=cv2.INTER_LINEAR
    )
    scale = size / crop.side
    polygons = [(polygon - (crop.x0, crop.y0) + 0.5) * scale - 0.5 for polygon in polygons]
    record = {**drawn.record, "crop": [crop.x0, crop.y0, crop.side]}
    return Pair(shots[0], shots[1], cut > 127, polygons, record)
