"""A window on a picture in which a mask is drawn at a finer resolution."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.face_check import CannotDrawMaskError
from detector.synthesis.outline import Points
from weights.base.contracts import Image


@dataclass(frozen=True)
class Canvas:
    """A window on the picture, with finer pixels, in which a mask is drawn.

    Attributes:
        x: left column of the window in the picture.
        y: upper row of the window in the picture.
        width: columns of the picture that it covers.
        height: rows of the picture that it covers.
        scale: canvas pixels per pixel of the picture, along each side.
    """

    x: int
    y: int
    width: int
    height: int
    scale: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in canvas pixels."""
        return self.height * self.scale, self.width * self.scale

    def place(self, points: NDArray[np.floating]) -> Points:
        """Map points of the picture `(K, 2)` to canvas pixels, whole numbers at pixel centres."""
        shifted = np.asarray(points, np.float64) - [self.x, self.y]
        return (shifted + 0.5) * self.scale - 0.5

    def pixels(self, every: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """X and y in the picture of the canvas pixels, or of `every` by `every` blocks."""
        step = every / self.scale
        columns = self.x - 0.5 + step * (np.arange(-(-self.shape[1] // every)) + 0.5)
        rows = self.y - 0.5 + step * (np.arange(-(-self.shape[0] // every)) + 0.5)
        x, y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
        return x, y

    def enlarge(self, coarse: NDArray[np.float32], every: int) -> NDArray[np.float32]:
        """Upsample a map `(h, w)`, one value per `every` by `every` block, to the canvas."""
        height, width = self.shape
        whole = cv2.resize(
            coarse,
            (coarse.shape[1] * every, coarse.shape[0] * every),
            interpolation=cv2.INTER_LINEAR,
        )
        return np.asarray(whole[:height, :width], np.float32)

    def reduce(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """Downsample a canvas `(h, w)` or `(h, w, C)` to the picture's pixels by averaging."""
        if self.scale == 1:
            return plane
        reduced = cv2.resize(plane, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(reduced, np.float32)


def make_canvas(image: Image, parts: list[Points], width: float, scale: int) -> Canvas:
    """The window that contains all parts of a mask and its shadow, clipped to the picture."""
    every = np.concatenate(parts)
    margin = 0.12 * width + 4
    x0, y0 = np.maximum(np.floor(every.min(axis=0) - margin), 0).astype(int).tolist()
    x1 = int(min(np.ceil(every[:, 0].max() + margin) + 1, image.shape[1]))
    y1 = int(min(np.ceil(every[:, 1].max() + margin) + 1, image.shape[0]))
    if x1 - x0 < 4 or y1 - y0 < 4:
        raise CannotDrawMaskError("mask-out-of-frame", "The mask would lie outside of the picture.")
    return Canvas(x0, y0, x1 - x0, y1 - y0, scale)


def canvas_scale(width: float) -> int:
    """Canvas pixels per pixel of the picture, for a mask `width` pixels wide."""
    if width < 70:
        return 3
    return 2 if width < 360 else 1
