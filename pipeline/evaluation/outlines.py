"""Outlines masks on pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from weights.base.contracts import Image, Mask

GREEN: Final = (0, 220, 0)
RED: Final = (255, 0, 0)


def outlined(
    image: Image, drawn: Sequence[Mask] = (), found: Sequence[Mask] = (), side: int = 384
) -> Image:
    """Draw thick green outlines of true masks and thin red ones of detected masks.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        drawn: bool `(H, W)` each.
        found: likewise.
        side: longer side of the result, in pixels.
    """
    scale = side / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    canvas = np.array(cv2.resize(image, size, interpolation=way), np.uint8)
    # The first layer is thicker, so that it stays visible under the second.
    for masks, colour, thickness in ((drawn, GREEN, 3), (found, RED, 1)):
        for mask in masks:
            small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
            outlines, _ = cv2.findContours(small, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, outlines, -1, colour, thickness)
    return canvas
