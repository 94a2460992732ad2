"""Rectangular holes."""

from __future__ import annotations

import numpy as np

from inpainter.holes.generator import FacelessHoles, check_range
from weights.base.contracts import Hole
from weights.base.errors import ConfigurationError


class CentreBox(FacelessHoles):
    """The same box in the centre of every picture.

    Args:
        side: height and width of the box, as a fraction of the picture's; 0.5 is the literature's
            128-pixel box in 256.
    """

    def __init__(self, side: float = 0.5) -> None:
        self.side = check_range((side, side), "side", 0.0, 1.0)[0]

    def draw(self, size: tuple[int, int], random: np.random.Generator) -> Hole:  # noqa: ARG002
        """Generate one hole of at least one pixel; see `HoleGenerator`."""
        height, width = size
        box_height, box_width = max(1, round(self.side * height)), max(1, round(self.side * width))
        top, left = (height - box_height) // 2, (width - box_width) // 2
        hole = np.zeros(size, bool)
        hole[top : top + box_height, left : left + box_width] = True
        return hole


class RandomBox(FacelessHoles):
    """Boxes of random size and position.

    The defaults are GLCIC's: one box with sides of 96 to 128 pixels in 256, sampled independently.
    They also cover DeepFill v2's box of 128 pixels minus up to 16 on each side.

    Args:
        side: smallest and largest side of a box, as a fraction of the picture's.
        margin: width of the known margin along the picture's border, as a fraction of its sides.
        count: smallest and largest number of boxes; they may overlap.
        overhang: whether up to half of a box may lie outside the picture.

    Raises:
        ConfigurationError: an option is out of range, or both `margin` and `overhang` are given.

    Source: Iizuka et al. 2017, "Globally and Locally Consistent Image Completion".
    """

    def __init__(
        self,
        side: tuple[float, float] = (96 / 256, 128 / 256),
        margin: float = 0.0,
        count: tuple[int, int] = (1, 1),
        overhang: bool = False,
    ) -> None:
        self.margin = check_range((margin, margin), "margin", 0.0, 0.49)[0]
        self.side = check_range(side, "side", 0.0, 1.0 - 2.0 * self.margin)
        self.count = check_range(count, "count")
        self.overhang = bool(overhang)
        if self.overhang and self.margin > 0.0:
            raise ConfigurationError("Boxes with a margin stay inside the picture: no overhang.")

    def draw(self, size: tuple[int, int], random: np.random.Generator) -> Hole:
        """Generate one hole; see `HoleGenerator`. Each box is at least one pixel."""
        hole = np.zeros(size, bool)
        for _ in range(random.integers(int(self.count[0]), int(self.count[1]) + 1)):
            hole[self._interval(size[0], random), self._interval(size[1], random)] = True
        return hole

    def _interval(self, extent: int, random: np.random.Generator) -> slice:
        margin = int(self.margin * extent)
        free = extent - 2 * margin
        length = min(free, max(1, round(random.uniform(*self.side) * extent)))
        outside = length // 2 if self.overhang else 0
        start = margin - outside + int(random.integers(free - length + 2 * outside + 1))
        return slice(max(0, start), start + length)
