"""Telea's fast marching method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from inpainter.classical.single_picture import SinglePictureInpainter
from weights.base.errors import ConfigurationError

if TYPE_CHECKING:
    from weights.base.contracts import Hole, Image


def check_radius(radius: float) -> float:
    """Return the radius as a float.

    Raises:
        ConfigurationError: it is below 1 pixel or above 100.
    """
    if not 1.0 <= float(radius) <= 100.0:
        raise ConfigurationError(f"radius must be 1 to 100 pixels, but is {radius!r}.")
    return float(radius)


class TeleaInpainter(SinglePictureInpainter):
    """OpenCV's implementation of Telea's method.

    Args:
        radius: how far round each pixel known ones are looked at, in pixels.

    Raises:
        ConfigurationError: the radius is out of range.

    Source: Telea 2004, "An Image Inpainting Technique Based on the Fast Marching Method".
    """

    def __init__(self, radius: float = 3.0) -> None:
        self.radius = check_radius(radius)

    def fill(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole; see `SinglePictureInpainter`."""
        filled = cv2.inpaint(crop, hole.astype(np.uint8), self.radius, cv2.INPAINT_TELEA)
        return np.asarray(filled, np.uint8)
