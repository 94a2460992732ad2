"""Filling a hole from its rim, so that hidden pixels do not leak into a network's input."""

from __future__ import annotations

import cv2
import numpy as np

from inpainter.classical.single_picture import MID_GREY
from weights.base.contracts import Image, Mask
from weights.base.regions import bounding_box


def fill_from_rim(picture: Image, hole: Mask) -> Image:
    """Give every missing pixel the colour of the nearest known pixel.

    Resampling mixes neighbours; filling the hole first keeps the hidden pixels out.

    Args:
        picture: uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`, True = missing.

    Returns:
        A picture that does not depend on the hole's content; the picture itself if nothing is
        missing, grey if everything is.
    """
    tight = bounding_box(hole)
    if tight is None:
        return picture
    if hole.all():
        return np.full_like(picture, MID_GREY)
    # The nearest known pixel lies on the rim, which the box includes.
    x0, y0, x1, y1 = tight
    box = slice(max(0, y0 - 1), y1 + 1), slice(max(0, x0 - 1), x1 + 1)
    missing = hole[box]
    _, nearest = cv2.distanceTransformWithLabels(
        missing.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3, labelType=cv2.DIST_LABEL_PIXEL
    )
    # Labels number the known pixels from 1, in row order.
    colours = picture[box][~missing]
    filled = picture.copy()
    filled[box][missing] = colours[nearest[missing] - 1]
    return filled
