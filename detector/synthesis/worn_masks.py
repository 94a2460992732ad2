"""Faces wearing a drawn mask, for training networks that see the mask itself.

Inpainter recipes name this source by its dotted path; the packages are otherwise independent.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from detector.synthesis.draw import draw_mask
from detector.synthesis.face_check import CannotDrawMaskError
from detector.synthesis.holes import grown
from detector.synthesis.templates import TemplateFolder
from weights.base.contracts import Hole, Image


class WornMasks:
    """Draws a mask on a face, and the hole for removing it.

    Args:
        growth: range of the hole's growth past the mask's edge, as a fraction of the mask's width,
            like the pipeline's refiner.
        templates: folder of mask photos, used in addition to drawn masks; None draws all masks.

    Raises:
        InputError: the folder of templates cannot be read.
    """

    def __init__(
        self,
        growth: tuple[float, float] = (0.02, 0.08),
        templates: str | os.PathLike[str] | None = None,
    ) -> None:
        self.growth = (float(growth[0]), float(growth[1]))
        self.templates = None if templates is None else TemplateFolder(templates)

    def __call__(
        self,
        image: Image,
        landmarks: NDArray[np.floating] | None,
        random: np.random.Generator,
    ) -> tuple[Image, Hole] | None:
        """Draw one mask.

        Args:
            image: uint8 RGB `(H, W, 3)`, the true face.
            landmarks: iBUG points `(68, 2)`, x y in pixels of the picture.
            random: random generator.

        Returns:
            The face with a mask, uint8 RGB `(H, W, 3)`, and the hole, bool `(H, W)`; None if no
            mask can be drawn on the face.
        """
        if landmarks is None:
            return None
        try:
            drawn = draw_mask(image, landmarks, random, templates=self.templates)
        except CannotDrawMaskError:
            return None
        columns = np.flatnonzero(drawn.mask.any(axis=0))
        width = int(columns[-1] - columns[0] + 1)
        radius = round(random.uniform(*self.growth) * width)
        return drawn.masked, grown(drawn.mask.astype(np.uint8), radius)
