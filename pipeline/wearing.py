"""How a mask is worn: one pulled down under the chin hides no mouth that a fill could bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from weights.landmarks import GROUPS, covered_by

if TYPE_CHECKING:
    from pipeline.face import Face

_LEAST_MOUTH = 0.15
"""Share of the mouth's points that a mask over the mouth hides at least."""


def is_worn_low(face: Face) -> bool:
    """Say whether a mask that was found leaves the mouth free; False where no face is seen."""
    found = face.landmarks
    if found is None or not found.is_likely or not face.regions:
        # Of somebody turned away nothing can be said.
        return False
    mouth = found.points[list(GROUPS["mouth"])]
    hidden = np.any([covered_by(mouth, region.mask) for region in face.regions], axis=0)
    return float(hidden.mean()) < _LEAST_MOUTH
