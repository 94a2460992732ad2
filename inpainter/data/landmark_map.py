"""Maps of a face's jaw, nose and lips, for networks conditioned on landmarks."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.landmarks.points import GROUPS, eye_distance

_SHIFT: Final = 4
"""Fractional bits of OpenCV's coordinates."""

LINES: Final = (slice(0, 17), slice(27, 31), slice(31, 36))
"""Jaw, bridge of the nose and nostrils among the iBUG points."""

_PARTS: Final = tuple(list(GROUPS[part]) for part in ("jaw", "nose", "mouth"))
"""Groups of landmarks that are perturbed together."""

OUTER_LIPS: Final = slice(48, 60)
INNER_LIPS: Final = slice(60, 68)


def landmark_map(points: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """Draw the features that a mask hides, as a guide for completion (Yang et al. 2020, "LaFIn").

    Args:
        points: iBUG points `(68, 2)`, x y in pixels from the first pixel's centre.
        size: side of the map, pixels.

    Returns:
        uint8 `(size, size, 3)`, 255 = there: the lines of jaw and nose, the lips with the mouth
        between them, and the mouth's opening with its outline.
    """
    at = np.rint(np.clip(points, -4 * size, 5 * size) * (1 << _SHIFT)).astype(np.int32)
    lines, lips, opening = (np.zeros((size, size), np.uint8) for _ in range(3))
    drawing: Any = {"lineType": cv2.LINE_AA, "shift": _SHIFT}
    cv2.polylines(lines, [at[part] for part in LINES], False, 255, **drawing)
    cv2.fillPoly(lips, [at[OUTER_LIPS]], 255, **drawing)
    cv2.fillPoly(opening, [at[INNER_LIPS]], 255, **drawing)
    cv2.polylines(opening, [at[INNER_LIPS]], True, 255, **drawing)
    return np.stack([lines, lips, opening], axis=-1)


def moved_landmarks(
    points: NDArray[np.floating], spread: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Perturb jaw, nose and mouth at random, to mimic the error of landmarks found under a mask.

    Args:
        points: iBUG points `(68, 2)`.
        spread: standard deviation of each part's shift in x and y, as a fraction of the distance
            between the outer eye corners, and of the logarithm of its scale.
        random: random generator.
    """
    moved = np.array(points, np.float64)
    eyes = eye_distance(moved)
    for part in _PARTS:
        middle = moved[part].mean(axis=0)
        scale = np.exp(random.normal(0.0, spread))
        moved[part] = middle + scale * (moved[part] - middle) + random.normal(0, spread * eyes, 2)
    return moved
