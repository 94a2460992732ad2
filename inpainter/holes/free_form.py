"""Free-form holes: DeepFill v2's brush strokes."""

from __future__ import annotations

import math

import numpy as np

from inpainter.holes.generator import FacelessHoles, check_range, mirrored
from inpainter.holes.strokes import draw_stroke, zigzag
from weights.base.contracts import Hole


class FreeFormHoles(FacelessHoles):
    """Draws a few thick zigzag brush strokes, randomly mirrored in both directions.

    Lengths are relative, with the paper's values at 256 pixels as defaults. The public
    implementations discard the result of the mirroring, so their strokes all run in the same
    direction; here it is applied.

    Args:
        strokes: smallest and largest number of strokes.
        vertices: smallest and largest number of segments of a stroke.
        width: smallest and largest width of the brush, as a fraction of the shorter side.
        step: mean length of a segment, as a fraction of the diagonal.

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
        """Generate one hole; see `HoleGenerator`. It is empty only if zero strokes are allowed."""
        height, width = size
        canvas = np.zeros(size, np.uint8)
        step = self.step * math.hypot(height, width)
        for _ in range(random.integers(int(self.strokes[0]), int(self.strokes[1]) + 1)):
            count = int(random.integers(int(self.vertices[0]), int(self.vertices[1]) + 1))
            path = zigzag(size, count, step, random)
            draw_stroke(canvas, path, random.uniform(*self.width) * min(height, width))
        return mirrored(canvas.astype(bool), random)
