"""An inpainter that fills a hole from the other half of the crop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weights.base.contracts import Image, Mask


class MirrorInpainter:
    """Fills missing pixels from the mirror image, and the rest with the mean of the known ones.

    Args:
        rest: grey level, 0 to 255, for a crop without known pixels.
    """

    def __init__(self, rest: int = 127) -> None:
        self.rest = rest

    def complete(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        """Return each crop filled; `crops` are uint8 `(H, W, 3)`, `holes` bool `(H, W)`.

        A crop's pixels inside its hole show the mask and must not affect the result.
        """
        return [self._fill(crop, hole) for crop, hole in zip(crops, holes, strict=True)]

    def _fill(self, crop: Image, hole: Mask) -> Image:
        known = ~hole
        fill = crop.copy()
        fill[hole] = np.rint(crop[known].mean(axis=0)) if known.any() else self.rest
        mirrored = hole & known[:, ::-1]
        fill[mirrored] = crop[:, ::-1][mirrored]
        return fill
