"""Polygonal chains: LaMa's large holes of wide lines."""

from __future__ import annotations

import numpy as np

from inpainter.holes.generator import FacelessHoles, check_range, mirrored
from inpainter.holes.strokes import draw_stroke
from weights.base.contracts import Hole


class PolygonalChains(FacelessHoles):
    """Draws a few chains of wide lines, randomly mirrored in both directions.

    Each line starts at the end of the previous one, in one of four directions and with its own
    width. Lengths are relative, with the paper's values at 256 pixels as defaults.

    Args:
        chains: smallest and largest number of chains.
        lines: smallest and largest number of lines per chain.
        length: smallest and largest length of a line, as a fraction of the shorter side.
        width: smallest and largest width of a line, as a fraction of the shorter side.

    Raises:
        ConfigurationError: an option is out of range.

    Source: the large masks of Suvorov et al. 2022, "Resolution-robust Large Mask Inpainting with
    Fourier Convolutions".
    """

    def __init__(
        self,
        chains: tuple[int, int] = (1, 5),
        lines: tuple[int, int] = (1, 5),
        length: tuple[float, float] = (10 / 256, 210 / 256),
        width: tuple[float, float] = (5 / 256, 105 / 256),
    ) -> None:
        self.chains = check_range(chains, "chains", 1)
        self.lines = check_range(lines, "lines", 1)
        self.length = check_range(length, "length")
        self.width = check_range(width, "width")

    def draw(self, size: tuple[int, int], random: np.random.Generator) -> Hole:
        """Generate one hole; see `HoleGenerator`. It is never empty."""
        height, width = size
        shorter, limit = min(height, width), np.array([width - 1.0, height - 1.0])
        canvas = np.zeros(size, np.uint8)
        for chain in range(random.integers(int(self.chains[0]), int(self.chains[1]) + 1)):
            place = random.uniform(0.0, 1.0, 2) * limit
            for _ in range(random.integers(int(self.lines[0]), int(self.lines[1]) + 1)):
                # In radians, as in LaMa: four directions in one half-plane, alternating between
                # chains.
                angle = float(random.integers(4)) * (-1.0 if chain % 2 == 0 else 1.0)
                step = random.uniform(*self.length) * shorter
                end = place + step * np.array([np.sin(angle), np.cos(angle)])
                end = np.clip(end, 0.0, limit)
                draw_stroke(canvas, np.stack([place, end]), random.uniform(*self.width) * shorter)
                place = end
        return mirrored(canvas.astype(bool), random)
