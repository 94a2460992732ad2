"""Estimating a head's yaw and tilt from its landmarks."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

_NOSE_TIP: Final = 30
_JAW: Final = (1, 15)
"""Points of the jaw line next to the cheeks; its ends lie behind the ears on a turned head."""


def estimate_yaw(landmarks: NDArray[np.floating]) -> float:
    """Estimate a head's yaw: 0 looks into the camera, positive to the left of the picture.

    The tip of the nose lies as far in front of the head's centre as the cheeks lie beside it. On a
    head turned by an angle it moves by the sine from the midpoint of the cheeks, and their distance
    shrinks by the cosine, so the ratio is the tangent. Accurate to a few degrees.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.

    Returns:
        Degrees, -90 to 90; nan if both cheeks coincide.
    """
    left, right = landmarks[_JAW[0]], landmarks[_JAW[1]]
    across = right - left
    length = float(across @ across)
    if length == 0.0:
        return math.nan
    offset = float((landmarks[_NOSE_TIP] - (left + right) / 2) @ across) / length
    return -math.degrees(math.atan(2.0 * offset))


def estimate_tilt(landmarks: NDArray[np.floating]) -> float:
    """Estimate a head's tilt: 0 is upright, positive is clockwise.

    Combines the line between the eyes with the line from them to the mouth; in a profile the former
    is short and gets little weight.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.

    Returns:
        Degrees, -180 to 180.
    """
    right_eye, left_eye = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    down = landmarks[48:68].mean(axis=0) - (right_eye + left_eye) / 2.0
    across = left_eye - right_eye
    return math.degrees(math.atan2(across[1] - down[0], across[0] + down[1]))
