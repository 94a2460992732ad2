"""Keeping fills in monochrome photos, grey or toned, free of other colours."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Hole, Image

_COLOURLESS, _COLOURFUL = 4.0, 8.0
"""Chroma distance from the tone curve, in levels, up to which a photo counts as monochrome, and
from which it counts as coloured: JPEG and paper leave up to 4, the dullest of 300 colour portraits
had 9."""

_TAIL: Final = 95.0
"""Percentile of the known pixels that counts: a monochrome photo may contain a coloured spot."""

_SIDE: Final = 96
"""Side to which the known pixels are subsampled; more would add little."""

_FEWEST: Final = 64
"""Minimum known pixels for a decision."""


def keep_tone(fill: Image, crop: Image, hole: Hole) -> Image:
    """Remove colours from a fill that the known pixels do not have.

    In a grey, sepia or otherwise toned photo, chroma is a function of brightness. That curve, a
    parabola for each chroma channel of ITU-R BT.601, is fitted to the known pixels without the
    outliers (after Rousseeuw 1984, "Least Median of Squares Regression"). The fill's deviation from
    the curve is removed: fully in a monochrome photo, not at all in a coloured one, and partly in
    between.

    Args:
        fill: uint8 RGB `(H, W, 3)`, a network's output.
        crop: uint8 RGB `(H, W, 3)`; pixels in the hole are ignored.
        hole: bool `(H, W)`, True = missing.

    Returns:
        uint8 RGB `(H, W, 3)`; `fill` itself if the photo is coloured.
    """
    step = max(1, max(hole.shape) // _SIDE)
    known = ~hole[::step, ::step]
    if np.count_nonzero(known) < _FEWEST:
        return fill
    brightness, chroma = _separated(crop[::step, ::step][known][:, None])
    powers = _powers(brightness)
    fitted = np.ones(len(powers), np.bool_)
    for _ in range(2):
        curve = np.linalg.lstsq(powers[fitted], chroma[fitted], rcond=None)[0]
        off = np.linalg.norm(chroma - powers @ curve, axis=1)
        widest = float(np.percentile(off, _TAIL))
        fitted = off <= widest
    kept = (widest - _COLOURLESS) / (_COLOURFUL - _COLOURLESS)
    if kept >= 1.0:
        return fill
    brightness, chroma = _separated(fill)
    toned = _powers(brightness) @ curve
    toned += max(0.0, kept) * (chroma - toned)
    layers = np.concatenate([255.0 * brightness[:, None], toned], axis=1)
    pixels = np.rint(layers).clip(0, 255).astype(np.uint8).reshape(fill.shape)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_YCrCb2RGB), np.uint8)


def _separated(pixels: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Brightness `(N,)` from 0 to 1 and chroma `(N, 2)` in levels of a picture's pixels."""
    layers = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb).reshape(-1, 3).astype(np.float64)
    return layers[:, 0] / 255.0, layers[:, 1:]


def _powers(brightness: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.ones_like(brightness), brightness, brightness**2], axis=1)
