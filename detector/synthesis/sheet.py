"""The flat sheet of material with a mask's colour, folds and seams.

A sheet covers `across` from -1.1 to 1.1 and `down` from -0.05 to 1.05, slightly more than the
mask's body. Lengths on it are fractions of the mask's width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Outline = Sequence[tuple[float, float]] | NDArray[np.floating]

Colour = tuple[int, int, int]
"""sRGB, 0 to 255 each."""

Edge = Literal["top", "bottom", "sides"]

_ACROSS, _DOWN = 1.1, 0.05
_ASPECT = 0.72


class Sheet:
    """A sheet that the functions for mask makes draw on.

    Args:
        width: columns of the sheet's maps.
        colour: the material's sRGB colour.
        random: random generator.

    Attributes:
        colour: uint8 `(h, w, 3)`, the material's own sRGB colour.
        relief: float32 `(h, w)`, height towards the camera as a fraction of the mask's width.
        shadow: float32 `(h, w)`, light factor after occlusion, 0 to 1.
        across, down: float32 `(h, w)`, the material coordinates.
        unit: columns per mask width.
    """

    def __init__(self, width: int, colour: Colour, random: np.random.Generator) -> None:
        self.random = random
        self.size = (round(width * _ASPECT), width)
        self.unit = width / _ACROSS
        self.colour = np.empty((*self.size, 3), np.uint8)
        self.colour[:] = colour
        self.relief = np.zeros(self.size, np.float32)
        self.shadow = np.ones(self.size, np.float32)
        across = np.linspace(-_ACROSS, _ACROSS, self.size[1], dtype=np.float32)
        down = np.linspace(-_DOWN, 1.0 + _DOWN, self.size[0], dtype=np.float32)
        self.across, self.down = np.meshgrid(across, down)

    def columns(self, across: NDArray[np.float32]) -> NDArray[np.float32]:
        """Columns of the maps, as floats, for values of `across` `(...)`, in the same shape."""
        return (across + np.float32(_ACROSS)) * np.float32((self.size[1] - 1) / (2 * _ACROSS))

    def rows(self, down: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows of the maps, as floats, for values of `down`."""
        return (down + np.float32(_DOWN)) * np.float32((self.size[0] - 1) / (1 + 2 * _DOWN))

    def place(self, points: Outline) -> NDArray[np.int32]:
        """Points `(K, 2)` of across and down as OpenCV's fixed-point pixels, in sixteenths."""
        array = np.asarray(points, np.float32)
        placed = np.stack([self.columns(array[:, 0]), self.rows(array[:, 1])], axis=1)
        return np.rint(placed * 16.0).astype(np.int32)

    def pixels(self, share: float) -> int:
        """Convert a fraction of the mask's width to whole pixels of the sheet, at least one."""
        return max(1, round(share * self.unit))

    def distance(self, edge: Edge) -> NDArray[np.float32]:
        """Distance of each point of the sheet from an edge, as a fraction of the mask's width."""
        if edge == "sides":
            return np.asarray((1.0 - np.abs(self.across)) * np.float32(0.5), np.float32)
        vertical = self.down if edge == "top" else 1.0 - self.down
        return np.asarray(vertical * np.float32(0.7), np.float32)

    def noise(self, cells: tuple[int, int]) -> NDArray[np.float32]:
        """Smooth noise `(h, w)` of unit standard deviation with that many cells down and across."""
        grid = self.random.standard_normal(cells, dtype=np.float32)
        enlarged = cv2.resize(grid, self.size[::-1], interpolation=cv2.INTER_CUBIC)
        return np.asarray(enlarged, np.float32)

    def lines(
        self,
        curves: Sequence[NDArray[np.floating]],
        width: float,
        softness: float,
        strengths: Sequence[float],
    ) -> NDArray[np.float32]:
        """Draw soft lines, 1 at their centre, as a float32 map `(h, w)`.

        Args:
            curves: polylines of across and down.
            width: of the lines, as a fraction of the mask's width.
            softness: standard deviation of the blur, likewise.
            strengths: brightness of each line, 0 to 1.
        """
        drawn = np.zeros(self.size, np.uint8)
        for curve, strength in zip(curves, strengths, strict=True):
            level = int(np.clip(255 * strength, 1, 255))
            course = self.place(curve)[:, None, :]
            cv2.polylines(drawn, [course], False, level, self.pixels(width), cv2.LINE_AA, 4)
        sigma = softness * self.unit
        plane = drawn.astype(np.float32)
        if sigma > 0.3:
            peak = plane.max()
            plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)
            plane *= peak / max(float(plane.max()), 1.0)
        return plane / np.float32(255.0)

    def along(self, angle: float) -> NDArray[np.floating]:
        """Position of the sheet's points along a direction, as a fraction of the mask's width."""
        return self.across * 0.5 * np.cos(angle) + self.down * 0.7 * np.sin(angle)

    def inside(self, depth: NDArray[np.floating]) -> NDArray[np.float32]:
        """Coverage of each pixel by a shape, from its depth as a fraction of the mask's width."""
        return np.clip(depth * self.unit + 0.5, 0.0, 1.0).astype(np.float32)

    def lift(self, height: NDArray[np.floating]) -> None:
        """Raise the relief by a map `(h, w)`."""
        self.relief += height.astype(np.float32)

    def darken(self, share: NDArray[np.floating]) -> None:
        """Reduce the light by a fraction, a map `(h, w)`."""
        self.shadow *= (1.0 - share).astype(np.float32)

    def paint(self, coverage: NDArray[np.float32], colour: Colour | NDArray[np.float32]) -> None:
        """Blend a colour over the sheet with opacity `coverage` `(h, w)`."""
        weight = coverage[..., None]
        mixed = self.colour * (1.0 - weight) + np.asarray(colour, np.float32) * weight
        self.colour = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def bell(distance: NDArray[np.floating], width: float) -> NDArray[np.floating]:
    """A Gaussian bell, 1 at distance 0."""
    return np.exp(-np.square(distance / width))


def step_down(
    distance: NDArray[np.floating], softness: float, height: float = 1.0
) -> NDArray[np.floating]:
    """A soft step from `height` at negative distances to 0 at positive ones."""
    return height / (1.0 + np.exp(np.clip(distance / softness, -30, 30)))
