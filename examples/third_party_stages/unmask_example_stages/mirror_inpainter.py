"""An inpainter that fills a hole from the other half of the crop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weights.base.contracts import Image, Mask


class MirrorInpainter:
    """Fills what is missing from its mirror image, and the rest with the mean of what is known.

    Args:
        rest: grey level for a crop of which nothing is known, 0 to 255.
    """

    def __init__(self, rest: int = 127) -> None:
        self.rest = rest

    def complete(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        """Return each crop filled; `crops` are uint8 `(H, W, 3)`, `holes` bool `(H, W)`.

        What a crop holds inside its hole is the mask, and must not show in the result.
        """
        return [self._fill(crop, hole) for crop, hole in zip(crops, holes, strict=True)]

    def _fill(self, crop: Image, hole: Mask) -> Image:
        known = ~hole
        fill = crop.copy()
        fill[hole] = np.rint(crop[known].mean(axis=0)) if known.any() else self.rest
        mirrored = hole & known[:, ::-1]
        fill[mirrored] = crop[:, ::-1][mirrored]
        return fill
