"""Brightening dark photos to the level of a network's training photos, and back."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from inpainter.postprocess.grain import luminance_of
from weights.base.contracts import Image, Mask

_BRIGHT: Final = 150.0
"""95th percentile of luminance to reach, as in the photos that networks know."""

_MOST: Final = 5.0
"""Maximum gain: darker photos have too few grey levels."""

_LEAST_SEEN: Final = 16


def exposure_gain(image: Image, hole: Mask) -> float:
    """Return the gain that a photo needs, 1 for one that is bright enough.

    Args:
        image: uint8 RGB `(H, W, 3)`; only pixels outside the hole are read.
        hole: bool `(H, W)`.
    """
    seen = luminance_of(image)[~hole]
    if seen.size < _LEAST_SEEN:
        return 1.0
    light = float(np.quantile(seen, 0.95))
    return min(max(_BRIGHT / max(light, 1.0), 1.0), _MOST)


def brightened(image: Image, gain: float) -> Image:
    """Multiply a picture, uint8 `(H, W, 3)`, by a gain, which may be below 1."""
    return image if gain == 1.0 else np.asarray(cv2.convertScaleAbs(image, alpha=gain), np.uint8)
