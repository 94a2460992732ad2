"""A scene being composed: its pixels, and which mask each pixel shows.

Coordinates are OpenCV's: x y in pixels, whole numbers at pixel centres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.labels import Points, clip_polygon, polygon_area, visible_outlines
from weights.base.contracts import Image, Mask

Matrix = NDArray[np.float64]

_WHOLE = 0.985
"""Fraction of a mask's pixels that must be visible for its drawn outline to be used as it is."""


def apply_matrix(matrix: Matrix, points: NDArray[np.floating]) -> Points:
    """Move points `(K, 2)` by an affine matrix `(2, 3)`."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float64)


@dataclass(frozen=True)
class _PlacedMask:
    polygons: list[Points]  # in scene pixels, not clipped
    window: tuple[int, int, int, int]  # of the scene, to which the mask was clipped
    pixels: int  # visible pixels when pasted


class Canvas:
    """Composites pictures and tracks their masks to the pixel.

    Args:
        background: uint8 RGB `(H, W, 3)`; copied.
    """

    def __init__(self, background: Image) -> None:
        self.image: Image = background.copy()
        self._owner = np.zeros(background.shape[:2], np.int16)
        self._masks: list[_PlacedMask] = []

    @property
    def height(self) -> int:
        """Height of the scene in pixels."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """Width of the scene in pixels."""
        return int(self.image.shape[1])

    def paste(
        self,
        picture: Image,
        alpha: NDArray[np.uint8],
        matrix: Matrix,
        mask: Mask | None = None,
        polygons: Sequence[Points] = (),
        window: tuple[int, int, int, int] | None = None,
    ) -> None:
        """Paste a picture, warped by an affine matrix.

        Args:
            picture: uint8 RGB `(h, w, 3)`.
            alpha: opacity, uint8 `(h, w)`; 255 is opaque.
            matrix: affine `(2, 3)` from the picture's pixels to the scene's.
            mask: bool `(h, w)`, where the picture shows a worn mask; None without one.
            polygons: the mask's outlines, each `(K, 2)`, in the picture's pixels.
            window: `(x0, y0, x1, y1)` of the scene, to which the picture is clipped.
        """
        height, width = alpha.shape
        corners = apply_matrix(
            matrix,
            np.array([[-1, -1], [width, -1], [width, height], [-1, height]], dtype=np.float64),
        )
        limit = window or (0, 0, self.width, self.height)
        x0, y0 = np.maximum(np.floor(corners.min(axis=0)).astype(int), limit[:2])
        x1, y1 = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, limit[2:])
        if x1 <= x0 or y1 <= y0:
            if mask is not None:
                self._masks.append(_PlacedMask([], limit, 0))
            return
        shifted = matrix.copy()
        shifted[:, 2] -= (x0, y0)
        size = (int(x1 - x0), int(y1 - y0))
        moved = np.asarray(
            cv2.warpAffine(picture, shifted, size, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
        )
        opacity = np.asarray(cv2.warpAffine(alpha, shifted, size), dtype=np.uint8)
        self._blend(int(x0), int(y0), moved, opacity)
        if mask is not None:
            shown = cv2.warpAffine(mask.astype(np.uint8) * 255, shifted, size) > 127
            shown &= opacity > 127
            moved_polygons = [apply_matrix(matrix, polygon) for polygon in polygons]
            self._masks.append(_PlacedMask(moved_polygons, limit, int(shown.sum())))
            self._owner[y0:y1, x0:x1][shown] = len(self._masks)

    def paint(self, shape: Points, colour: Image | NDArray[np.floating], softness: float) -> None:
        """Fill a polygon `(K, 2)`, scene pixels, with a colour `(3,)` or a picture.

        Args:
            shape: the outline.
            colour: one RGB colour, 0 to 255, or a uint8 RGB picture, stretched over the polygon's
                box.
            softness: standard deviation of the edge's blur in pixels.
        """
        margin = int(np.ceil(3.0 * softness)) + 1
        x0, y0 = np.maximum(np.floor(shape.min(axis=0)).astype(int) - margin, 0)
        x1, y1 = np.minimum(
            np.ceil(shape.max(axis=0)).astype(int) + margin, (self.width, self.height)
        )
        if x1 <= x0 or y1 <= y0:
            return
        opacity = np.zeros((y1 - y0, x1 - x0), np.uint8)
        fixed = np.rint((shape - (x0, y0)) * 16.0).astype(np.int32)
        cv2.fillPoly(opacity, [fixed], 255, cv2.LINE_AA, 4)
        if softness > 0.3:
            opacity = cv2.GaussianBlur(opacity, (0, 0), softness)
        if colour.ndim == 3:
            fill = cv2.resize(colour, opacity.shape[::-1], interpolation=cv2.INTER_LINEAR)
        else:
            fill = np.broadcast_to(np.clip(colour, 0, 255), (*opacity.shape, 3)).astype(np.uint8)
        self._blend(int(x0), int(y0), np.asarray(fill, dtype=np.uint8), opacity)

    def _blend(self, x0: int, y0: int, picture: Image, opacity: NDArray[np.uint8]) -> None:
        height, width = opacity.shape
        under = self.image[y0 : y0 + height, x0 : x0 + width]
        share = cv2.cvtColor(opacity, cv2.COLOR_GRAY2RGB)
        top = cv2.multiply(picture, share, scale=1 / 255)
        rest = cv2.multiply(under, cv2.bitwise_not(share), scale=1 / 255)
        under[:] = cv2.add(top, rest)
        self._owner[y0 : y0 + height, x0 : x0 + width][opacity > 127] = 0

    def outlines(self, smallest_width: float = 6.0) -> list[list[Points]]:
        """Return the visible outlines of each pasted mask, in scene pixels, clipped to the frame.

        A fully visible mask keeps the outline that it was drawn with; the visible pieces of a
        partly hidden one are traced. A mask's list is empty if less than `smallest_width` pixels
        across or less than a tenth of it is visible.
        """
        found: list[list[Points]] = []
        for number, placed in enumerate(self._masks, start=1):
            visible = self._owner == number
            count = int(visible.sum())
            if count == 0 or count < 0.1 * sum(map(polygon_area, placed.polygons)):
                found.append([])
                continue
            if count >= _WHOLE * placed.pixels:
                pieces = [clip_polygon(polygon, placed.window) for polygon in placed.polygons]
            else:
                pieces = visible_outlines(visible)
            found.append(
                [
                    piece
                    for piece in pieces
                    if len(piece) >= 3
                    and float(np.ptp(piece[:, 0])) >= smallest_width
                    and float(np.ptp(piece[:, 1])) >= smallest_width / 2.0
                ]
            )
        return found
