"""Checks whether a mask can be drawn on a face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.outline import check_landmarks
from weights.base.errors import UnmaskError

MINIMUM_JAW = 20.0
"""Minimum distance between landmarks 0 and 16 for drawing a mask, in pixels."""

MAXIMUM_TURN = 0.8
"""Maximum head turn for drawing a mask, as measured by `head_turn`."""

MINIMUM_INSIDE = 0.75
"""Minimum fraction of the lower face that must lie within the picture."""


class CannotDrawMaskError(UnmaskError):
    """No mask can be drawn on a face; the message is one sentence.

    Attributes:
        reason: a short name of the reason: "landmarks-implausible", "too-small", "turned-away" or
            "mask-out-of-frame".
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason

    def __reduce__(self) -> tuple[type[CannotDrawMaskError], tuple[str, str]]:
        # Exceptions are pickled with the message only by default, but the data-set builder passes
        # these between processes.
        return type(self), (self.reason, str(self))


def head_turn(landmarks: NDArray[np.floating]) -> float:
    """How far a head is turned: 0 is frontal, -1 and 1 are profiles towards image left and right.

    It is the position of the nose tip between the ends of the jaw.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.
    """
    points = check_landmarks(landmarks)
    across = points[16] - points[0]
    length = float(across @ across)
    if length == 0.0:
        return 0.0
    return float(2.0 * ((points[30] - points[0]) @ across) / length - 1.0)


def check_face(landmarks: NDArray[np.floating], size: tuple[int, int]) -> None:
    """Check that a mask can be drawn on a face.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.
        size: height and width of the picture.

    Raises:
        CannotDrawMaskError: it cannot; `reason` says why.
        InputError: the landmarks are malformed.
    """
    points = check_landmarks(landmarks)
    jaw = float(np.linalg.norm(points[16] - points[0]))
    if jaw < MINIMUM_JAW:
        raise CannotDrawMaskError(
            "too-small",
            f"The face is too small for a mask: its jaw is {jaw:.0f} pixels wide, but "
            f"{MINIMUM_JAW:.0f} are needed.",
        )
    _check_order(points, jaw)
    turn = head_turn(points)
    if abs(turn) > MAXIMUM_TURN:
        raise CannotDrawMaskError(
            "turned-away",
            f"The head is turned too far away for a mask: {abs(turn):.2f} of a profile, but at "
            f"most {MAXIMUM_TURN:.2f} is allowed.",
        )
    inside = _share_inside(points, size)
    if inside < MINIMUM_INSIDE:
        raise CannotDrawMaskError(
            "mask-out-of-frame",
            f"Only {inside:.0%} of the lower face is inside the picture, but {MINIMUM_INSIDE:.0%} "
            "is needed for a mask.",
        )


def _check_order(points: NDArray[np.float64], jaw: float) -> None:
    """Check the order of eyes, nose, mouth and chin along the face's own axis."""
    right = (points[42:48].mean(axis=0) - points[36:42].mean(axis=0)) / jaw
    down = np.array([-right[1], right[0]])
    eyes, nose, mouth, chin = (
        float(points[part].mean(axis=0) @ down)
        for part in (slice(36, 48), slice(31, 36), slice(48, 68), slice(7, 10))
    )
    spread = float(np.linalg.norm(right))
    steps = np.array([nose - eyes, mouth - nose, chin - mouth]) / max(spread, 1e-6) / jaw
    if spread < 0.08 or steps.min() < 0.02 or not 0.25 < steps.sum() < 3.5:
        raise CannotDrawMaskError(
            "landmarks-implausible",
            "The landmarks are not those of a face: eyes, nose, mouth and chin are not at "
            "plausible distances from one another.",
        )


def _share_inside(points: NDArray[np.float64], size: tuple[int, int]) -> float:
    """The fraction of the lower face that lies within the picture."""
    lower = cv2.convexHull(points[[*range(1, 16), 28]].astype(np.float32))
    height, width = size
    frame = np.array(
        [[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]],
        np.float32,
    )
    area = cv2.contourArea(lower)
    if area <= 0.0:
        return 0.0
    return float(cv2.intersectConvexConvex(lower, frame)[0]) / area
