"""Free-form holes: the brush strokes on which DeepFill v2 is trained."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from inpainter.holes.generator import FacelessHoles, check_range, mirrored
from inpainter.holes.strokes import draw_stroke, zigzag

if TYPE_CHECKING:
    from weights.base.contracts import Hole


class FreeFormHoles(FacelessHoles):
    """Draws a few thick zigzag brush strokes, mirrored at random in both directions.

    Lengths are shares, with the paper's values at 256 pixels as defaults. The mirroring is carried
    out here; in the public implementations its result is thrown away, so that their strokes all
    run in the same direction.

    Args:
        strokes: smallest and largest number of strokes.
        vertices: smallest and largest number of steps of a stroke.
        width: smallest and largest breadth of the brush, as a share of the shorter side.
        step: mean length of a step, as a share of the diagonal.

    Source: Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution".
    """

    def __init__(
        self,
        strokes: tuple[int, int] = (1, 3),
        vertices: tuple[int, int] = (4, 11),
        width: tuple[float, float] = (12 / 256, 40 / 256),
        step: float = 1 / 8,
    ) -> None:
        self.strokes = check_range(strokes, "strokes")
        self.vertices = check_range(vertices, "vertices", 1)
        self.width = check_range(width, "width", 0.0, 1.0)
        self.step = check_range((step, step), "step", 0.0, 1.0)[0]

    def draw(self, size: tuple[int, int], random: np.random.Generator) -> Hole:
        """Draw one hole; see `HoleGenerator`. It is empty only where it may have no stroke."""
        height, width = size
        canvas = np.zeros(size, np.uint8)
        step = self.step * math.hypot(height, width)
        for _ in range(random.integers(int(self.strokes[0]), int(self.strokes[1]) + 1)):
            count = int(random.integers(int(self.vertices[0]), int(self.vertices[1]) + 1))
            path = zigzag(size, count, step, random)
            draw_stroke(canvas, path, random.uniform(*self.width) * min(height, width))
        return mirrored(canvas.astype(bool), random)
