"""Plain pasting."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pipeline.blenders.arguments import check_blend_arguments
from weights.base.contracts import Image, Mask


class PasteBlender:
    """Takes the hole's pixels from the fill as they are: registered as "none"."""

    thread_safe: ClassVar[bool] = True

    def blend(self, image: Image, fill: Image, hole: Mask) -> Image:
        """Return `image` with its hole filled from `fill`, all uint8 RGB `(H, W, 3)`.

        Raises:
            InputError: the three differ in size.
        """
        check_blend_arguments(image, fill, hole)
        return np.where(hole[:, :, None], fill, image)
