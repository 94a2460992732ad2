"""OpenCV's two methods: fast marching and Navier-Stokes."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from inpainter.classical.single_picture import SinglePictureInpainter
from weights.base.contracts import Hole, Image
from weights.base.errors import ConfigurationError


class OpenCvInpainter(SinglePictureInpainter):
    """One of OpenCV's methods.

    Args:
        radius: neighbourhood of each missing pixel, in pixels.

    Raises:
        ConfigurationError: the radius is below 1 pixel or above 100.
    """

    method: ClassVar[int]
    """OpenCV's constant for the method."""

    def __init__(self, radius: float = 3.0) -> None:
        if not 1.0 <= float(radius) <= 100.0:
            raise ConfigurationError(f"radius must be 1 to 100 pixels, but is {radius!r}.")
        self.radius = float(radius)

    def fill(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole; see `SinglePictureInpainter`."""
        filled = cv2.inpaint(crop, hole.astype(np.uint8), self.radius, self.method)
        return np.asarray(filled, np.uint8)


class TeleaInpainter(OpenCvInpainter):
    """OpenCV's implementation of Telea's fast marching method.

    Source: Telea 2004, "An Image Inpainting Technique Based on the Fast Marching Method".
    """

    method = cv2.INPAINT_TELEA


class NavierStokesInpainter(OpenCvInpainter):
    """OpenCV's implementation of the Navier-Stokes method.

    Source: Bertalmio et al. 2001, "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting".
    """

    method = cv2.INPAINT_NS
