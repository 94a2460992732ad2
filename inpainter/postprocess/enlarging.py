"""Resizing a network's fill to the size of its crop."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from inpainter.postprocess.guided_filter import guided_filter
from weights.base.contracts import Image

_LARGE: Final = 2.0
"""Scale factor from which the fill is smoothed first."""
_RADIUS: Final = 2
"""Radius of the filter's windows, in pixels of the fill."""
_CALM: Final = 0.002
"""Variance (values from 0 to 1) below which a window of the fill counts as flat."""


def enlarge(fill: Image, side: int) -> Image:
    """Resize a square fill: bicubic up, area averaging down.

    A fill enlarged twofold or more is smoothed first, to hide the faint weave that networks leave
    in skin; see `smooth_flat_parts`.

    Args:
        fill: uint8 RGB `(size, size, 3)`.
        side: side of the result, in pixels.

    Returns:
        uint8 RGB `(side, side, 3)`.
    """
    if side == fill.shape[0]:
        return fill
    if side < fill.shape[0]:
        return np.asarray(cv2.resize(fill, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    if side >= _LARGE * fill.shape[0]:
        fill = smooth_flat_parts(fill)
    return np.asarray(cv2.resize(fill, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def smooth_flat_parts(fill: Image) -> Image:
    """Smooth nearly flat parts with a guided filter, the fill being its own guide.

    No photo can serve as guide, as the face under the mask is unknown. Strong edges, such as lips,
    are preserved.

    Args:
        fill: uint8 RGB `(H, W, 3)`.

    Returns:
        The same, smoothed.

    Source: He, Sun and Tang 2013, "Guided image filtering".
    """
    scaled = fill.astype(np.float32) / 255.0
    planes = [
        guided_filter(scaled, np.ascontiguousarray(scaled[:, :, channel]), _RADIUS, _CALM)
        for channel in range(3)
    ]
    return np.clip(np.rint(255.0 * np.stack(planes, axis=2)), 0, 255).astype(np.uint8)
