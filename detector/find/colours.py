"""Evidence of colour: what a mask's surest pixels look like, against what surrounds it.

A network's outline is off by a pixel or two where edges are soft, and includes hair, fingers or
collars at times. Within one photo, the colours of a mask and of what is next to it often differ.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.find.letterbox import PADDING_GREY
from weights.base.contracts import Image

_BINS: Final = 16
"""Bins of each axis of a histogram in Lab."""

_RARE: Final = 1e-5
"""Added to frequencies: colours that neither side has shown say nothing."""

_STRONGEST: Final = 3.0
"""Largest evidence of a pixel, as a logit: colour never outweighs a network that is sure."""

_SURE, _SURELY_NOT = 2.0, -4.0
"""Logits from which pixels teach what the mask and its surroundings look like."""

_REACH: Final = 0.16
"""How far the surroundings reach from the mask, as a fraction of the crop's side."""

_LEAST_PIXELS: Final = 50
"""Minimum number of sure pixels on either side."""


def colour_evidence(crop: Image, logits: NDArray[np.float32], level: float) -> NDArray[np.float32]:
    """How much likelier each pixel's colour is on the mask than next to it.

    Args:
        crop: uint8 RGB `(S, S, 3)`.
        logits: `(S, S)`, of the mask.
        level: logit from which a pixel belongs to it.

    Returns:
        Log-likelihood ratios `(S, S)`, from -3 to 3; zeros if either side is too small.
    """
    off = (logits <= level).view(np.uint8)
    near = cv2.distanceTransform(off, cv2.DIST_L2, cv2.DIST_MASK_3) < _REACH * len(crop)
    shown = crop[..., 1] != PADDING_GREY
    inside, outside = logits > _SURE, (logits < _SURELY_NOT) & near & shown
    if min(np.count_nonzero(inside), np.count_nonzero(outside)) < _LEAST_PIXELS:
        return np.zeros(logits.shape, np.float32)
    bins = _colour_bins(crop)
    ratio = np.log(_frequencies(bins[inside]) + _RARE) - np.log(_frequencies(bins[outside]) + _RARE)
    smooth = cv2.GaussianBlur(ratio.astype(np.float32)[bins], (0, 0), 1.0)
    return np.asarray(np.clip(smooth, -_STRONGEST, _STRONGEST))


def _colour_bins(crop: Image) -> NDArray[np.uint16]:
    """The bin of each pixel's colour `(S, S)`."""
    light, a, b = cv2.split(cv2.cvtColor(crop, cv2.COLOR_RGB2LAB))
    # Skin and cloth rarely leave the middle half of the range of a and b.
    stretched = np.clip(np.arange(256) * 2 - 128, 0, 255) * _BINS // 256
    fine, coarse = stretched.astype(np.uint16), (np.arange(256) * _BINS // 256).astype(np.uint16)
    return np.asarray((coarse[light] * _BINS + fine[a]) * _BINS + fine[b], np.uint16)


def _frequencies(bins: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Smoothed relative frequencies of all bins among those of some pixels."""
    from scipy.ndimage import gaussian_filter

    counts = np.bincount(bins, minlength=_BINS**3).reshape((_BINS,) * 3)
    smooth = gaussian_filter(counts.astype(np.float64), 1.0)
    return smooth.ravel() / smooth.sum()
