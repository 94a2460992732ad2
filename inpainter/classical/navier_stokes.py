"""Filling by the equations of a flowing fluid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from inpainter.classical.single_picture import SinglePictureInpainter
from inpainter.classical.telea import check_radius

if TYPE_CHECKING:
    from weights.base.contracts import Hole, Image


class NavierStokesInpainter(SinglePictureInpainter):
    """OpenCV's implementation of the Navier-Stokes method.

    Args:
        radius: how far round each pixel known ones are looked at, in pixels.

    Raises:
        ConfigurationError: the radius is out of range.

    Source: Bertalmio et al. 2001, "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting".
    """

    def __init__(self, radius: float = 3.0) -> None:
        self.radius = check_radius(radius)

    def fill(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole; see `SinglePictureInpainter`."""
        filled = cv2.inpaint(crop, hole.astype(np.uint8), self.radius, cv2.INPAINT_NS)
        return np.asarray(filled, np.uint8)
