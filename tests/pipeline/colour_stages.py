"""Fake stages: a mask is a patch of one colour, and a fill is one colour too."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from tests.conformance.scenes import scene
from weights.base.regions import MaskRegion

MASK = np.array((10, 220, 230), np.uint8)
FILL = np.array((200, 150, 120), np.uint8)


def masked_scene(size: tuple[int, int], patches: Any, seed: int = 0) -> Any:
    """A scene with rectangles (x0, y0, x1, y1) of the mask's colour."""
    image = scene(size, seed)
    for x0, y0, x1, y1 in patches:
        image[y0:y1, x0:x1] = MASK
    return image


def find_colour(image: Any) -> list[MaskRegion]:
    """A detector: one region per connected patch of the mask's colour."""
    here = (image == MASK).all(axis=2)
    count, labels = cv2.connectedComponents(here.view(np.uint8))
    return [MaskRegion.from_mask(labels == index) for index in range(1, count)]


def exact_holes(image: Any, regions: Any) -> list[Any]:
    """A refiner: the regions themselves."""
    return [region.mask.copy() for region in regions]


def fill_colour(crop: Any, hole: Any) -> Any:
    """An inpainter: one colour in the hole."""
    result = crop.copy()
    result[hole] = FILL
    return result


def fill_mean(crop: Any, hole: Any) -> Any:
    """An inpainter: the mean of the known pixels in the hole."""
    result = crop.copy()
    result[hole] = crop[~hole].mean(axis=0) if (~hole).any() else 128
    return result


STAGES: dict[str, Any] = {
    "detector": find_colour,
    "refiner": exact_holes,
    "inpainter": fill_mean,
    "blender": "feather",
}
