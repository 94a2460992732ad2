"""Square cuts round finds, at one size whatever the size of the find, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detector.find.letterbox import PADDING_GREY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.base.contracts import Image, Mask

_LEAST_SIDE = 8.0
"""Longer side of the smallest box that is cut out as it is, in pixels."""


@dataclass(frozen=True)
class Crop:
    """A square of a picture, brought to `size` pixels; it may reach past the frame.

    Points are measured in pixels from the outer corner of the first pixel.

    Attributes:
        left, top: the square's corner in the picture, in pixels.
        side: the square's side in the picture, in pixels.
        size: side of the cut, in pixels.
    """

    left: float
    top: float
    side: float
    size: int

    @classmethod
    def around(cls, box: tuple[float, float, float, float], context: float, size: int) -> Crop:
        """Frame a box x0, y0, x1, y1 by a square of `context` times its longer side."""
        x0, y0, x1, y1 = box
        side = context * max(x1 - x0, y1 - y0, _LEAST_SIDE)
        return cls((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side, size)

    def take(self, image: Image) -> Image:
        """Cut the square out of `(H, W, 3)` as `(size, size, 3)`; grey past the frame."""
        return np.asarray(self._warp(image, (PADDING_GREY,) * 3), np.uint8)

    def take_mask(self, mask: Mask) -> NDArray[np.float32]:
        """Cut the square out of a mask `(H, W)`: how much of each pixel it covers, 0 to 1."""
        share = np.asarray(self._warp(mask.astype(np.float32), (0.0,)), np.float32)
        return share.clip(0.0, 1.0)

    def put_back(self, logits: NDArray[np.float32], height: int, width: int) -> Mask:
        """Threshold logits `(size, size)` at the picture's resolution: bool `(height, width)`."""
        x0, y0 = max(0, int(np.floor(self.left))), max(0, int(np.floor(self.top)))
        x1 = min(width, int(np.ceil(self.left + self.side)))
        y1 = min(height, int(np.ceil(self.top + self.side)))
        mask = np.zeros((height, width), bool)
        if x1 <= x0 or y1 <= y0:
            return mask
        scale = self.size / self.side
        # cv2 counts from the centres of pixels.
        way = np.array(
            [
                [scale, 0.0, scale * (x0 + 0.5 - self.left) - 0.5],
                [0.0, scale, scale * (y0 + 0.5 - self.top) - 0.5],
            ]
        )
        native = cv2.warpAffine(
            logits,
            way,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        mask[y0:y1, x0:x1] = np.asarray(native) > 0.0
        return mask

    def _warp(
        self, array: NDArray[np.uint8] | NDArray[np.float32], border: tuple[float, ...]
    ) -> cv2.typing.MatLike:
        scale = self.size / self.side
        left, top = self.left, self.top
        source: cv2.typing.MatLike = array
        if scale < 0.5:
            # A plain warp would skip pixels: the picture is reduced by area first.
            x0 = min(max(0, int(left)), array.shape[1] - 1)
            y0 = min(max(0, int(top)), array.shape[0] - 1)
            x1 = max(x0 + 1, int(np.ceil(left + self.side)))
            y1 = max(y0 + 1, int(np.ceil(top + self.side)))
            part = array[y0:y1, x0:x1]
            small = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
            across, down = small[0] / part.shape[1], small[1] / part.shape[0]
            source = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
            shift = (left - x0) * across, (top - y0) * down
            scales = scale / across, scale / down
        else:
            shift, scales = (left, top), (scale, scale)
        way = np.array(
            [
                [scales[0], 0.0, scales[0] * (0.5 - shift[0]) - 0.5],
                [0.0, scales[1], scales[1] * (0.5 - shift[1]) - 0.5],
            ]
        )
        return cv2.warpAffine(
            source,
            way,
            (self.size, self.size),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=border,
        )
