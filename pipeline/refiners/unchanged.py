"""Regions taken as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from weights.base.contracts import Hole, Image, check_image
from weights.base.regions import MaskRegion


class UnchangedRefiner:
    """Uses each region's mask as its hole, pixel for pixel: for exact detectors."""

    thread_safe: ClassVar[bool] = True

    def refine(self, image: Image, regions: Sequence[MaskRegion]) -> list[Hole]:
        """Return a copy of each non-empty region's mask `(H, W)`."""
        check_image(image)
        return [region.mask.copy() for region in regions if region.mask.any()]
