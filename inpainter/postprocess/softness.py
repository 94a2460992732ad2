"""Matching a fill's softness to the picture round its hole.

Networks generate faces in focus, like most of their training photos. In a photo that is out of
focus, shaken or enlarged, such a fill is sharper than its surroundings and stands out.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from typing import Final

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
from inpainter.postprocess.guided_filter import Plane
from weights.base.contracts import Image, Mask

# Measured on 60 true faces of val, unchanged and blurred by 0.6 to 2.5 px: the sharpness inside the
# hole equals that of the rest of the crop, within 0.15 octaves for soft photos and 0.3 for sharp
# ones.
_SOFT: Final = (-2.0, -1.5)
"""Sharpness of photos out of focus and in focus."""

_SPARED: Final = (0.25, 0.6)
"""Tolerance for each, in octaves, before a fill is softened."""

_BLURS: Final = (0.0, 0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.3)
"""Standard deviations in pixels of the blurs that are tried."""

_BELOW: Final = 0.35
"""How much less sharp than the photo, in octaves, a fill that was far too sharp becomes.

On 156 faces of val, blurred and made noisy, 0.1 leaves 1.18 and 1.24 of the truth's detail in the
octaves of 1 and 2 px at a realism distance of 0.174; this leaves 1.03 and 1.13 at 0.135.
"""

_LEAST_STRUCTURE: Final = 1.0
"""Minimum structure, in grey levels, for measuring sharpness."""

_LOOKED_AT: Final = 512
"""Maximum side of the part of a fill that is measured; its centre suffices."""


def match_softness(
    fill: Image, image: Image, hole: Mask, distances: RimDistances | None = None
) -> Image:
    """Soften a fill that is sharper than the picture round it.

    Args:
        fill: uint8 RGB `(H, W, 3)`; only pixels in the hole are changed.
        image: uint8 RGB `(H, W, 3)`; only pixels outside the hole are read.
        hole: bool `(H, W)`.
        distances: distances from the hole's rim, if known already.

    Returns:
        uint8 RGB `(H, W, 3)`; the fill itself if it is soft enough.
    """
    return softened(fill, hole, softening_of(fill, image, hole, distances))


def softened(fill: Image, hole: Mask, deviation: float) -> Image:
    """Blur a fill in its hole with a Gaussian of this standard deviation in pixels; 0 for none."""
    if deviation <= 0.0:
        return fill
    soft = fill.copy()
    np.copyto(soft, cv2.GaussianBlur(fill, (0, 0), deviation), where=hole[:, :, None])
    return soft


def softening_of(
    fill: Image, image: Image, hole: Mask, distances: RimDistances | None = None
) -> float:
    """The blur that makes a fill no sharper than the picture round it.

    Sharpness is the ratio of fine to coarse structure at strong edges.

    Args:
        fill: uint8 RGB `(H, W, 3)`; only pixels in the hole are read.
        image: uint8 RGB `(H, W, 3)`; only pixels outside the hole are read.
        hole: bool `(H, W)`.
        distances: distances from the hole's rim, if known already.

    Returns:
        Standard deviation of a Gaussian in pixels; 0 if the fill is soft enough.
    """
    distances = distances or RimDistances.of(hole)
    around, within = distances.around, distances.within
    part = _middle_of(within)
    if np.count_nonzero(within[part]) < LEAST_PIXELS:
        return 0.0
    own, looked_at = luminance_of(np.ascontiguousarray(fill[part])), within[part]
    photo = luminance_of(image)
    # The background may be out of focus when the face is not: measure the eyes above the hole too.
    surroundings = (_sharpness(photo, where) for where in (around, around & above_hole(hole)))
    wanted = max((one for one in surroundings if one is not None), default=None)
    sharp = _sharpness(own, looked_at)
    if wanted is None or sharp is None:
        return 0.0
    spared = float(np.interp(wanted, _SOFT, _SPARED))
    excess = sharp - wanted - spared
    if excess <= 0.0:
        return 0.0
    # The goal sinks as the excess grows: if it jumped, two nearly equal fills would differ visibly.
    goal = wanted + max(spared - 2.5 * excess, -_BELOW)

    @functools.cache
    def sharpness_after(deviation: float) -> float:
        blurred = cv2.GaussianBlur(own, (0, 0), deviation) if deviation else own
        left = _sharpness(np.asarray(blurred, np.float32), looked_at)
        return -math.inf if left is None else left

    # Binary search for the weakest blur that suffices; the strongest one is taken untried.
    at = bisect_left(
        _BLURS, True, lo=1, hi=len(_BLURS) - 1, key=lambda one: sharpness_after(one) <= goal
    )
    stronger, weaker = _BLURS[at], _BLURS[at - 1]
    ends = sharpness_after(stronger), sharpness_after(weaker)
    return float(np.interp(goal, ends, (stronger, weaker))) if ends[0] > -math.inf else stronger


def _sharpness(plane: Plane, where: Mask) -> float | None:
    """Ratio of strong structure in the finest band to that in the coarsest, in octaves."""
    # A few thousand samples estimate a quantile as well as a million pixels do.
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
    """A window of limited size at the centre of a region."""
    if not within.any():
        return slice(0), slice(0)
    top, bottom, left, right = missing_box(within)
    y, x, half = (top + bottom) // 2, (left + right) // 2, _LOOKED_AT // 2
    return slice(max(top, y - half), min(bottom, y + half)), slice(
        max(left, x - half), min(right, x + half)
    )
