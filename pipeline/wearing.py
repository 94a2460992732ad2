"""How a mask is worn: one pulled down under the chin hides no mouth, so nothing needs filling."""

from __future__ import annotations

import numpy as np

from pipeline.face import Face
from weights.landmarks import GROUPS, covered_by

_LEAST_MOUTH = 0.15
"""Least fraction of the mouth's points that a mask over the mouth hides."""


def is_worn_low(face: Face) -> bool:
    """Whether a detected mask leaves the mouth free; False if no face is found."""
    found = face.landmarks
    if found is None or not found.is_likely or not face.regions:
        # Nothing can be said of somebody turned away.
        return False
    mouth = found.points[list(GROUPS["mouth"])]
    hidden = np.any([covered_by(mouth, region.mask) for region in face.regions], axis=0)
    return float(hidden.mean()) < _LEAST_MOUTH
