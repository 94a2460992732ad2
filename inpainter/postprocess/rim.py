"""Filling a hole from its rim, so that nothing of what it hides reaches a network's input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from inpainter.classical.single_picture import MID_GREY

if TYPE_CHECKING:
    from weights.base.contracts import Image, Mask


def fill_from_rim(picture: Image, hole: Mask) -> Image:
    """Give every missing pixel the colours of the known pixel that is nearest to it.

    Resampling mixes neighbours. Where a hole is filled so before, what it hid mixes with nothing.

    Args:
        picture: uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`, True = missing.

    Returns:
        A picture that is the same for any content of the hole; the picture itself where nothing is
        missing, grey where all is.
    """
    if not hole.any():
        return picture
    if hole.all():
        return np.full_like(picture, MID_GREY)
    _, nearest = cv2.distanceTransformWithLabels(
        hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3, labelType=cv2.DIST_LABEL_PIXEL
    )
    # Labels number the known pixels in the order in which they lie.
    colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    colours[nearest[~hole]] = picture[~hole]
    filled = picture.copy()
    filled[hole] = colours[nearest[hole]]
    return filled
