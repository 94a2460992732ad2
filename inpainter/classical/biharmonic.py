"""Biharmonic inpainting: the smoothest surface through the known pixels."""

from __future__ import annotations

import numpy as np

from inpainter.classical.scaled import ScaledInpainter
from weights.base.contracts import Hole, Image


class BiharmonicInpainter(ScaledInpainter):
    """Scikit-image's solution of the biharmonic equation.

    Solves one sparse linear system with as many unknowns as the hole has pixels.

    Args:
        longest_side: larger crops are solved at this side, in pixels.

    Raises:
        ConfigurationError: `longest_side` is under 16.

    Source: Damelin and Hoang 2018, "On Surface Completion and Image Inpainting by Biharmonic
    Functions".
    """

    def solve(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole; see `ScaledInpainter`."""
        from skimage.restoration import inpaint_biharmonic

        filled = np.asarray(inpaint_biharmonic(crop, hole, channel_axis=-1))
        return np.clip(np.rint(filled * 255.0), 0, 255).astype(np.uint8)
