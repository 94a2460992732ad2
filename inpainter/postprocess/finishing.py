"""Finishes: ways to put a network's fill into its hole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from inpainter.classical.opencv import TeleaInpainter
from inpainter.postprocess.poisson import poisson_paste
from weights.base.contracts import Hole, Image
from weights.base.names import unknown_name


def paste(crop: Image, fill: Image, hole: Hole) -> Image:
    """Take the fill in the hole and the crop elsewhere; all uint8 RGB `(H, W, 3)`."""
    return np.where(hole[..., None], fill, crop).astype(np.uint8)


def telea_poisson_paste(crop: Image, fill: Image, hole: Hole) -> Image:
    """Match a fill's colours to those round the hole, as GLCIC's postprocessing does.

    The hole's one-pixel rim gets the colours of Telea's inpainting; inside it, the fill keeps its
    gradient and meets the rim without a step.

    Args:
        crop: uint8 RGB `(H, W, 3)`; pixels in the hole are ignored.
        fill: uint8 RGB `(H, W, 3)`, which extends beyond the hole, like a network's prediction.
        hole: bool `(H, W)`, True = missing; it may touch the border, be empty or cover everything.

    Returns:
        uint8 RGB `(H, W, 3)`, equal to the crop outside the hole.

    Source: Iizuka et al. 2017, "Globally and Locally Consistent Image Completion", section 4.4.
    """
    if not hole.any() or hole.all():
        return paste(crop, fill, hole)
    drawn_in = TeleaInpainter().complete([crop], [hole])[0]
    # Nothing is known past the border, so the hole has no rim there.
    eroded = cv2.erode(
        hole.astype(np.uint8),
        cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=1,
    )
    inner = eroded.astype(bool)
    return poisson_paste(drawn_in, fill, inner) if inner.any() else drawn_in


FINISHES: Final[dict[str, Callable[[Image, Image, Hole], Image]]] = {
    "none": paste,
    "telea-poisson": telea_poisson_paste,
}
"""Ways to put a fill into its hole, by name."""


def find_finish(name: str) -> Callable[[Image, Image, Hole], Image]:
    """Return one of `FINISHES`.

    Raises:
        ConfigurationError: the name is unknown; the message suggests the nearest one.
    """
    if name not in FINISHES:
        raise unknown_name("finish of an inpainter", str(name), FINISHES)
    return FINISHES[name]
