"""Looking again at what was found, enlarged or reduced to the size that a network knows best.

In a large picture a mask may be a tenth or the whole of the network's square; networks are surest,
and draw the best outlines, at the sizes they were trained on. A second look at a cut round each
find brings it there. What the second look does not see again was no mask.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detector.duplicates import overlap
from detector.regions import MaskRegion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weights.contracts import Image

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 in whole pixels of the picture, exclusive at x1 and y1."""

CONTEXT = 2.5
"""Side of the cut over the longer side of the find's box."""

_SAME = 0.4
"""Intersection over union from which both looks mark the same mask."""


def window_round(region: MaskRegion, height: int, width: int) -> Window:
    """Cut a square round a find; at the picture's border it is moved inwards, and then cut off."""
    x0, y0, x1, y1 = region.box
    side = math.ceil(CONTEXT * max(x1 - x0, y1 - y0, 8.0))
    left = min(max(0, round((x0 + x1 - side) / 2)), max(0, width - side))
    top = min(max(0, round((y0 + y1 - side) / 2)), max(0, height - side))
    return left, top, min(width, left + side), min(height, top + side)


def cut(image: Image, window: Window) -> Image:
    """Cut a window out of a picture."""
    return np.ascontiguousarray(image[window[1] : window[3], window[0] : window[2]])


def confirm(region: MaskRegion, window: Window, again: Sequence[MaskRegion]) -> MaskRegion | None:
    """Join a find with what a second look at its window found.

    Args:
        region: the find, in the picture.
        window: what the second look saw of the picture.
        again: what it found there, in the window.

    Returns:
        The second look's mask, with the product of both scores, as two witnesses must be right;
        None where the second look did not find it again.
    """
    x0, y0, x1, y1 = window
    part = region.mask[y0:y1, x0:x1]
    if not part.any():
        return None
    seen = MaskRegion.from_mask(np.ascontiguousarray(part), region.score, region.label)
    best = max(again, key=lambda other: overlap(seen, other)[0], default=None)
    if best is None or overlap(seen, best)[0] < _SAME:
        return None
    mask = np.zeros_like(region.mask)
    mask[y0:y1, x0:x1] = best.mask
    box = (best.box[0] + x0, best.box[1] + y0, best.box[2] + x0, best.box[3] + y0)
    return MaskRegion(mask, box, region.score * best.score, best.label)
