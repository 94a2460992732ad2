"""The base of blenders that adapt a fill to its surroundings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from pipeline.blenders.arguments import check_blend_arguments
from pipeline.blenders.mismatch import hole_window
from weights.base.contracts import Image, Mask


class WindowedBlender(ABC):
    """Adapts the fill in a window round the hole; outside the hole the result is the picture."""

    thread_safe: ClassVar[bool] = True

    margin: ClassVar[float]
    """Width of the window around the hole, as a fraction of its extent."""

    def blend(self, image: Image, fill: Image, hole: Mask) -> Image:
        """Return `image` with its hole filled from `fill`, all uint8 RGB `(H, W, 3)`.

        Raises:
            InputError: the three differ in size.
        """
        check_blend_arguments(image, fill, hole)
        result = image.copy()
        if hole.any():
            window, extent = hole_window(hole, self.margin)
            missing = hole[window]
            adapted = self.adapt(image[window], fill[window], missing, extent)
            np.copyto(result[window], adapted, where=missing[:, :, None])
        return result

    @abstractmethod
    def adapt(self, known: Image, fill: Image, missing: Mask, extent: float) -> Image:
        """Adapt a window of the fill to the picture; only the missing pixels count.

        Args:
            known: the window of the picture, uint8 RGB `(h, w, 3)`.
            fill: of the fill, likewise.
            missing: of the hole, bool `(h, w)`.
            extent: the square root of the hole's area, in pixels.
        """
