"""Thin-plate splines: warp the plane so that given points move to their targets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from detector.synthesis.outline import Points

_SMOOTHING = 0.03
"""Slight regularisation keeps badly placed landmarks from folding the mask."""


def thin_plate(
    source: Points, target: Points, x: NDArray[np.float32], y: NDArray[np.float32]
) -> Points:
    """Map points by the thin-plate spline from `source` to `target` (Bookstein 1989)."""
    scale = float(np.ptp(source, axis=0).max())
    origin = source.mean(axis=0)
    spline = RBFInterpolator(
        (source - origin) / scale, target, kernel="thin_plate_spline", smoothing=_SMOOTHING
    )
    return np.asarray(spline((np.stack([x.ravel(), y.ravel()], axis=1) - origin) / scale))
