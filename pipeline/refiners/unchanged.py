"""Regions taken as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from weights.base.contracts import Hole, Image, check_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weights.base.regions import MaskRegion


class UnchangedRefiner:
    """Makes the hole of each region its mask, pixel for pixel: for detectors that are exact."""

    thread_safe: ClassVar[bool] = True

    def refine(self, image: Image, regions: Sequence[MaskRegion]) -> list[Hole]:
        """Return a copy of each region's mask `(H, W)` that is not empty."""
        check_image(image)
        return [region.mask.copy() for region in regions if region.mask.any()]
