"""Matching a fill's softness to the picture round its hole.

Networks paint faces in focus, as most of the photos are that they learned from. In a photo that is
out of focus, shaken or was enlarged, such a fill is sharper than all round it, and stands out.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from inpainter.data.framing import missing_box
from inpainter.postprocess.grain import (
    LEAST_PIXELS,
    RimDistances,
    above_hole,
    bands_of,
    luminance_of,
)

if TYPE_CHECKING:
    from inpainter.postprocess.guided_filter import Plane
    from weights.base.contracts import Image, Mask

# Measured on 60 true faces of val, as they are and blurred by 0.6 to 2.5 px: the sharpness of what
# lies under the hole is that of the rest of the crop, give or take 0.15 octaves where the photo is
# soft, and 0.3 where it is sharp.
_SOFT: Final = (-2.0, -1.5)
"""Sharpness of photos that are out of focus, and of those that are in it."""

_SPARED: Final = (0.25, 0.6)
"""By how many octaves a fill may be too sharp for either before it is softened."""

_BLURS: Final = (0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.3)
"""Standard deviations in pixels of the blurs that are tried."""

_LEAST_STRUCTURE: Final = 1.0
"""Grey levels of structure under which nothing can be said of sharpness."""

_LOOKED_AT: Final = 512
"""Most pixels a side of a fill that are looked at: its middle says enough."""


def match_softness(
    fill: Image, image: Image, hole: Mask, distances: RimDistances | None = None
) -> Image:
    """Soften a fill that is sharper than the picture round it.

    Args:
        fill: uint8 RGB `(H, W, 3)`; only what lies in the hole is changed.
        image: uint8 RGB `(H, W, 3)`; only what lies outside the hole is read.
        hole: bool `(H, W)`.
        distances: from the hole's rim, where they are known already.

    Returns:
        uint8 RGB `(H, W, 3)`; the fill itself where it is soft enough.
    """
    return softened(fill, hole, softening_of(fill, image, hole, distances))


def softened(fill: Image, hole: Mask, deviation: float) -> Image:
    """Soften a fill in its hole by a Gaussian of a standard deviation in pixels; 0 leaves it."""
    if deviation <= 0.0:
        return fill
    soft = fill.copy()
    np.copyto(soft, cv2.GaussianBlur(fill, (0, 0), deviation), where=hole[:, :, None])
    return soft


def softening_of(
    fill: Image, image: Image, hole: Mask, distances: RimDistances | None = None
) -> float:
    """By how much a fill must be softened to be no sharper than the picture round it.

    Sharpness is how much of the structure that an image has at some pixels' width it has at a
    pixel's, both at strong edges.

    Args:
        fill: uint8 RGB `(H, W, 3)`; only what lies in the hole is read.
        image: uint8 RGB `(H, W, 3)`; only what lies outside the hole is read.
        hole: bool `(H, W)`.
        distances: from the hole's rim, where they are known already.

    Returns:
        Standard deviation in pixels of a Gaussian; 0 for a fill that is soft enough.
    """
    distances = distances or RimDistances.of(hole)
    around, within = distances.around, distances.within
    part = _middle_of(within)
    if np.count_nonzero(within[part]) < LEAST_PIXELS:
        return 0.0
    own, looked_at = luminance_of(np.ascontiguousarray(fill[part])), within[part]
    photo = luminance_of(image)
    # A background out of focus is no sign of a face that is: the eyes above the hole count as well.
    surroundings = (_sharpness(photo, where) for where in (around, around & above_hole(hole)))
    wanted = max((one for one in surroundings if one is not None), default=None)
    sharp = _sharpness(own, looked_at)
    if wanted is None or sharp is None or sharp <= wanted + np.interp(wanted, _SOFT, _SPARED):
        return 0.0

    def soft_enough(deviation: float) -> bool:
        left = _sharpness(np.asarray(cv2.GaussianBlur(own, (0, 0), deviation)), looked_at)
        return left is None or left <= wanted

    # Blurs are sorted by strength: halve the range until the weakest that does is left.
    # The strongest blur is taken untried where no weaker one is enough.
    return _BLURS[bisect_left(_BLURS, True, hi=len(_BLURS) - 1, key=soft_enough)]


def _sharpness(plane: Plane, where: Mask) -> float | None:
    """Strong structure in the finest band over that in the coarsest, in octaves."""
    # A few thousand samples tell a quantile as well as a million pixels do.
    places = np.flatnonzero(where)
    if len(places) < LEAST_PIXELS:
        return None
    places = places[:: 1 + len(places) // 20000]
    fine, _, coarse = (
        float(np.quantile(np.abs(band.ravel()[places]), 0.95)) for band in bands_of(plane)
    )
    if coarse < _LEAST_STRUCTURE or fine <= 0.0:
        return None
    return float(np.log2(fine / coarse))


def _middle_of(within: Mask) -> tuple[slice, slice]:
    """The middle of a part of a picture, and not too much of it."""
    if not within.any():
        return slice(0), slice(0)
    top, bottom, left, right = missing_box(within)
    y, x, half = (top + bottom) // 2, (left + right) // 2, _LOOKED_AT // 2
    return slice(max(top, y - half), min(bottom, y + half)), slice(
        max(left, x - half), min(right, x + half)
    )
