"""Methods whose cost grows fast with picture size: solved small, then enlarged."""

from __future__ import annotations

from abc import abstractmethod

import cv2
import numpy as np

from inpainter.classical.single_picture import SinglePictureInpainter
from weights.base.contracts import Hole, Image
from weights.base.errors import ConfigurationError


class ScaledInpainter(SinglePictureInpainter):
    """Solves crops at `longest_side` at most and enlarges the fill to the crop's size.

    The fills of these methods are smooth, so little is lost.

    Args:
        longest_side: larger crops are solved at this side, in pixels.

    Raises:
        ConfigurationError: `longest_side` is under 16.
    """

    def __init__(self, longest_side: int = 256) -> None:
        if longest_side < 16:
            raise ConfigurationError(
                f"longest_side must be 16 pixels or more, but is {longest_side!r}."
            )
        self.longest_side = int(longest_side)

    def fill(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole; see `SinglePictureInpainter`."""
        height, width = hole.shape
        scale = self.longest_side / max(height, width)
        if scale >= 1.0:
            return self.solve(crop, hole)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        missing = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.0
        if missing.all():
            return self.solve(crop, hole)
        small = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
        filled = self.solve(small, missing)
        return np.asarray(
            cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8
        )

    @abstractmethod
    def solve(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole; arguments and result as for `SinglePictureInpainter.fill`."""
