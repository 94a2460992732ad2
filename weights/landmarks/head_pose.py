"""How far a head is turned and tilted, told by its landmarks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NOSE_TIP: Final = 30
_JAW: Final = (1, 15)
"""Points of the jaw line beside the cheeks; its ends lie behind the ears on a turned head."""


def estimate_yaw(landmarks: NDArray[np.floating]) -> float:
    """Estimate a head's yaw: 0 looks into the camera, positive to the left of the picture.

    The tip of the nose lies as far before the middle of the head as the cheeks beside it. Turned by
    an angle, it moves by the sine of it from the middle between them, and they draw in by its
    cosine, so the tangent is the ratio of the two. Rough: a few degrees.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.

    Returns:
        Degrees, -90 to 90; nan where both cheeks are one point.
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

    Told by the line of the eyes and the line from them to the mouth together: of a profile the
    first is short, and then counts little.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.

    Returns:
        Degrees, -180 to 180.
    """
    right_eye, left_eye = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    down = landmarks[48:68].mean(axis=0) - (right_eye + left_eye) / 2.0
    across = left_eye - right_eye
    return math.degrees(math.atan2(across[1] - down[0], across[0] + down[1]))
