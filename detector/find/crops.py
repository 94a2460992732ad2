"""Square crops of fixed size round detections, and their mapping back to the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.find.letterbox import PADDING_GREY
from weights.base.contracts import Image, Mask
from weights.landmarks.frame import rotation

Box = tuple[float, float, float, float]

_LEAST_SIDE = 8.0
"""Minimum longer side of a box, in pixels."""

_NEVER = -100.0
"""Logit outside a crop."""


@dataclass(frozen=True)
class Crop:
    """A square of a picture, resized to `size` pixels; it may extend past the frame.

    Points are measured in pixels from the outer corner of the first pixel.

    Attributes:
        x, y: the square's centre in the picture, in pixels.
        side: the square's side in the picture, in pixels.
        size: side of the crop, in pixels.
        tilt: clockwise rotation of the square about its centre, in degrees.
    """

    x: float
    y: float
    side: float
    size: int
    tilt: float = 0.0

    @classmethod
    def around(cls, box: Box, context: float, size: int, tilt: float = 0.0) -> Crop:
        """Frame a box with a square of `context` times its longer side.

        Args:
            box: x0, y0, x1, y1; for a tilted square from `tilted_box`.
            context: the square's side over the box's longer one.
            size: side of the crop, in pixels.
            tilt: degrees by which the square is turned clockwise.
        """
        x0, y0, x1, y1 = box
        side = context * max(x1 - x0, y1 - y0, _LEAST_SIDE)
        x, y = _rotation(tilt) @ ((x0 + x1) / 2, (y0 + y1) / 2)
        return cls(float(x), float(y), side, size, tilt)

    def take(self, image: Image) -> Image:
        """Crop the square from `(H, W, 3)` as `(size, size, 3)`; grey past the frame."""
        return np.asarray(self._warp(image, (PADDING_GREY,) * 3), np.uint8)

    def take_mask(self, mask: Mask) -> NDArray[np.float32]:
        """Crop the square from a mask `(H, W)`: the covered fraction of each pixel, 0 to 1."""
        share = np.asarray(self._warp(mask.astype(np.float32), (0.0,)), np.float32)
        return share.clip(0.0, 1.0)

    def put_back(self, logits: NDArray[np.float32], height: int, width: int) -> Mask:
        """Threshold logits `(size, size)` at the picture's resolution: bool `(height, width)`."""
        left, top, right, bottom = self._bounds()
        x0, y0 = max(0, math.floor(left)), max(0, math.floor(top))
        x1, y1 = min(width, math.ceil(right)), min(height, math.ceil(bottom))
        mask = np.zeros((height, width), bool)
        if x1 <= x0 or y1 <= y0:
            return mask
        # An upright square's box exceeds it by less than a pixel, a tilted one's by far more.
        native = cv2.warpAffine(
            logits,
            self._affine(x0, y0),
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT if self.tilt else cv2.BORDER_REPLICATE,
            borderValue=(_NEVER,),
        )
        mask[y0:y1, x0:x1] = np.asarray(native) > 0.0
        return mask

    def _bounds(self) -> tuple[float, float, float, float]:
        """The upright bounding box of the square: left, top, right, bottom."""
        reach = self.side / 2 * float(np.abs(_rotation(self.tilt)[0]).sum())
        return self.x - reach, self.y - reach, self.x + reach, self.y + reach

    def _affine(
        self, x0: float, y0: float, across: float = 1.0, down: float = 1.0
    ) -> NDArray[np.float64]:
        """The matrix `(2, 3)` from a part of the picture to the crop, in OpenCV's coordinates.

        Args:
            x0: the part's left edge in the picture.
            y0: the part's upper edge.
            across: horizontal scale of the part.
            down: vertical scale.
        """
        turn = self.size / self.side * _rotation(-self.tilt) / (across, down)
        # cv2 counts from the centres of pixels.
        middle = (self.x - x0) * across - 0.5, (self.y - y0) * down - 0.5
        return np.column_stack([turn, (self.size - 1) / 2 - turn @ middle])

    def _warp(
        self, array: NDArray[np.uint8] | NDArray[np.float32], border: tuple[float, ...]
    ) -> cv2.typing.MatLike:
        scale = self.size / self.side
        source: cv2.typing.MatLike = array
        affine = self._affine(0, 0)
        if scale < 0.5:
            # A plain warp would skip pixels: first downscale by area averaging.
            left, top, right, bottom = self._bounds()
            x0 = min(max(0, int(left)), array.shape[1] - 1)
            y0 = min(max(0, int(top)), array.shape[0] - 1)
            part = array[y0 : max(y0 + 1, math.ceil(bottom)), x0 : max(x0 + 1, math.ceil(right))]
            small = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
            source = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
            affine = self._affine(x0, y0, small[0] / part.shape[1], small[1] / part.shape[0])
        return cv2.warpAffine(
            source,
            affine,
            (self.size, self.size),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=border,
        )


def tilted_box(mask: Mask, tilt: float) -> Box:
    """The tightest box round the True pixels of a mask `(H, W)`, on tilted axes.

    Args:
        mask: bool, with at least one True pixel.
        tilt: degrees by which the square is turned clockwise.

    Returns:
        x0, y0, x1, y1 on axes rotated about the picture's corner.
    """
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    middles = np.concatenate(contours)[:, 0].astype(np.float64) + 0.5
    turned = middles @ _rotation(tilt)
    reach = np.abs(_rotation(tilt)).sum(axis=0) / 2
    low, high = turned.min(axis=0) - reach, turned.max(axis=0) + reach
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _rotation(tilt: float) -> NDArray[np.float64]:
    """The matrix that rotates points clockwise by `tilt` degrees."""
    return rotation(math.radians(tilt))
