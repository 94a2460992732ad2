"""A detector that finds objects of one colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from detector import MaskRegion
from weights.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weights.base.contracts import Image


class ColourDetector:
    """Treats every large patch of one colour as a mask.

    Args:
        colour: red, green and blue, 0 to 255; by default that of a surgical mask.
        tolerance: maximum distance from it, Euclidean in CIELAB (about 2 is just visible).
        smallest: minimum area of a patch, as a fraction of the picture's.

    Raises:
        InputError: an argument is out of range.
    """

    def __init__(
        self,
        colour: Sequence[int] = (135, 180, 215),
        tolerance: float = 20.0,
        smallest: float = 0.005,
    ) -> None:
        if len(colour) != 3 or not all(0 <= level <= 255 for level in colour):
            raise InputError(f"colour must be three numbers from 0 to 255, but is {colour!r}.")
        if tolerance <= 0 or not 0 <= smallest <= 1:
            raise InputError(
                "tolerance must be above 0 and smallest from 0 to 1, but they are "
                f"{tolerance!r} and {smallest!r}."
            )
        self.colour = np.array(colour, np.uint8)
        self.tolerance = tolerance
        self.smallest = smallest

    def detect(self, images: Sequence[Image]) -> list[list[MaskRegion]]:
        """Return a list of regions for each picture, uint8 RGB `(H, W, 3)`."""
        return [self._find(image) for image in images]

    def _find(self, image: Image) -> list[MaskRegion]:
        wanted = _lab(self.colour[None, None])
        near = np.linalg.norm(_lab(image) - wanted, axis=2) < self.tolerance
        count, labels, statistics, _ = cv2.connectedComponentsWithStats(near.astype(np.uint8))
        share = statistics[:, cv2.CC_STAT_AREA] / near.size
        return [
            # The score is how well the patch fills its box: masks do, reflections do not.
            MaskRegion.from_mask(labels == index, score=_fullness(statistics[index]))
            for index in range(1, count)
            if share[index] >= self.smallest
        ]


def _lab(image: Image) -> np.ndarray:
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _fullness(statistics: np.ndarray) -> float:
    box = statistics[cv2.CC_STAT_WIDTH] * statistics[cv2.CC_STAT_HEIGHT]
    return float(statistics[cv2.CC_STAT_AREA] / box)
