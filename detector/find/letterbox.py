"""Letterboxing: fits pictures of any size into the network's square, and maps back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image

PADDING_GREY = 114
"""The padding grey that Ultralytics' networks are trained with."""


@dataclass(frozen=True)
class Letterbox:
    """Placement of a picture in the network's square: scaled, then shifted.

    A point of the picture is at `point * scale + (left, top)` in the square, both measured in
    pixels from the outer corner of the first pixel.

    Attributes:
        height, width: of the picture, in pixels.
        size: side of the square, in pixels.
        scale: pixels of the square per pixel of the picture.
        left, top: the picture's corner in the square, in whole pixels.
    """

    height: int
    width: int
    size: int
    scale: float
    left: int
    top: int

    @classmethod
    def fit(cls, height: int, width: int, size: int) -> Letterbox:
        """Centre a picture in the square, its longer side filling it."""
        scale = size / max(height, width)
        across, down = max(1, round(width * scale)), max(1, round(height * scale))
        return cls(height, width, size, scale, (size - across) // 2, (size - down) // 2)

    def apply(self, image: Image) -> Image:
        """Resize the picture `(height, width, 3)` into a grey square `(size, size, 3)`."""
        inner = max(1, round(self.width * self.scale)), max(1, round(self.height * self.scale))
        if inner != (self.width, self.height):
            method = cv2.INTER_AREA if self.scale < 1.0 else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, inner, interpolation=method), np.uint8)
        square = np.full((self.size, self.size, 3), PADDING_GREY, np.uint8)
        square[self.top : self.top + inner[1], self.left : self.left + inner[0]] = image
        return square

    def box_to_picture(self, box: NDArray[np.floating]) -> tuple[float, float, float, float]:
        """Map x0, y0, x1, y1 in the square to pixels of the picture, clipped to its border."""
        x0, x1 = ((float(value) - self.left) / self.scale for value in (box[0], box[2]))
        y0, y1 = ((float(value) - self.top) / self.scale for value in (box[1], box[3]))
        x0, x1 = (min(max(value, 0.0), float(self.width)) for value in (x0, x1))
        y0, y1 = (min(max(value, 0.0), float(self.height)) for value in (y0, y1))
        return x0, y0, max(x0, x1), max(y0, y1)

    def window_of_map(
        self, values: NDArray[np.float32], window: tuple[int, int, int, int]
    ) -> NDArray[np.float32]:
        """Sample a map that covers the square, at the picture's own pixels.

        Args:
            values: float32 `(h, w)`, covering the whole square at a lower resolution.
            window: x0, y0, x1, y1 of the picture, whole pixels, exclusive at x1 and y1.

        Returns:
            Float32 `(y1 - y0, x1 - x0)`, interpolated bicubically, with border values replicated.
        """
        x0, y0, x1, y1 = window
        across = values.shape[1] / self.size
        down = values.shape[0] / self.size
        # Pixel centres are at +0.5 in both grids.
        inverse = np.array(
            [
                [self.scale * across, 0.0, ((x0 + 0.5) * self.scale + self.left) * across - 0.5],
                [0.0, self.scale * down, ((y0 + 0.5) * self.scale + self.top) * down - 0.5],
            ]
        )
        sampled = cv2.warpAffine(
            values,
            inverse,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(sampled, np.float32)
