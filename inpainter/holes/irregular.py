"""Irregular holes by area band, as used for figures in the literature."""

from __future__ import annotations

import itertools
import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.holes.generator import FacelessHoles, check_range
from inpainter.holes.strokes import draw_stroke
from weights.base.contracts import Hole
from weights.base.errors import InputError

IRREGULAR_BANDS: Final[tuple[tuple[float, float], ...]] = tuple(
    itertools.pairwise((0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
)
"""The six bands of hole area, as fractions of the picture (Liu et al. 2018)."""


class IrregularHoles(FacelessHoles):
    """Draws curves, lines and ellipses of varying width until the hole's area lies in a band.

    Args:
        band: smallest and largest area as a fraction of the picture; None picks one of
            `IRREGULAR_BANDS` uniformly.

    Source: the bands of Liu et al. 2018, "Image Inpainting for Irregular Holes Using Partial
    Convolutions"; the shapes are our own.
    """

    def __init__(self, band: tuple[float, float] | None = None) -> None:
        self.bands = IRREGULAR_BANDS if band is None else (check_range(band, "band", 0.0, 1.0),)

    def draw(self, size: tuple[int, int], random: np.random.Generator) -> Hole:
        """Draw one hole; see `HoleGenerator`.

        Raises:
            InputError: the picture is too small for any number of pixels to lie in the band.
        """
        height, width = size
        low, high = self.bands[random.integers(len(self.bands))]
        fewest, most = math.ceil(low * height * width), math.floor(high * height * width)
        if fewest > most:
            raise InputError(
                f"A picture of {height} x {width} pixels can hold no hole of area "
                f"{low:g} to {high:g}."
            )
        target = int(random.integers(fewest, most + 1))
        canvas = np.zeros(size, np.uint8)
        # A mark that overshoots the band is undone and redrawn smaller; one of a single pixel
        # always fits, so this terminates.
        scale = 1.0
        while (missing := target - int(np.count_nonzero(canvas))) > 0:
            drawn = canvas.copy()
            self._mark(drawn, min(scale, 0.05 + math.sqrt(missing / (height * width))), random)
            if np.count_nonzero(drawn) <= most:
                canvas, scale = drawn, 1.0
            else:
                scale *= 0.7
        return canvas.astype(bool)

    def _mark(self, canvas: NDArray[np.uint8], scale: float, random: np.random.Generator) -> None:
        height, width = canvas.shape
        side = min(height, width)
        start = random.uniform(0.0, 1.0, 2) * (width - 1, height - 1)
        kind = random.integers(3)
        if kind == 0:
            radii = np.rint(scale * side * random.uniform(0.02, 0.2, 2)).astype(int)
            centre = np.rint(start).astype(int).tolist()
            cv2.ellipse(canvas, centre, radii.tolist(), random.uniform(0, 180), 0, 360, 1, -1)
        elif kind == 1:
            angle = random.uniform(0.0, 2.0 * np.pi)
            reach = scale * side * random.uniform(0.1, 0.9)
            end = start + reach * np.array([np.cos(angle), np.sin(angle)])
            draw_stroke(canvas, np.stack([start, end]), scale * side * random.uniform(0.01, 0.12))
        else:
            headings = random.uniform(0.0, 2.0 * np.pi) + np.cumsum(random.normal(0.0, 0.5, 24))
            steps = scale * side * 0.05 * np.stack([np.cos(headings), np.sin(headings)], axis=1)
            path = np.concatenate([start[None], start + np.cumsum(steps, axis=0)])
            draw_stroke(canvas, path, scale * side * random.uniform(0.01, 0.1))
