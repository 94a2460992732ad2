"""Oversampling faces that are rare in most data sets, or easier to believe when filled."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice
from typing import Final

import numpy as np

from inpainter.data.face import Face
from weights.landmarks.head_pose import estimate_yaw

TURNED: Final = 30.0
"""Degrees of yaw above which a head counts as turned."""

_CLOSED: Final = 0.05
"""Gap between the inner lips over the mouth's width, below which a mouth counts as closed."""


def repeat_faces(faces: list[Face], chosen: Callable[[Face], bool], share: float) -> list[Face]:
    """Repeat chosen faces until they make up a given fraction of all.

    Args:
        faces: the faces.
        chosen: whether a face is to be repeated.
        share: fraction of chosen faces in the result, below 1. If there are already more, or none,
            nothing is repeated.

    Returns:
        The faces in their order, followed by the repeated ones.
    """
    rare = [face for face in faces if chosen(face)]
    wanted = round(share / (1.0 - share) * (len(faces) - len(rare)))
    return faces + list(islice(cycle(rare), max(0, wanted - len(rare))))


def is_turned(face: Face) -> bool:
    """Whether a head is turned by more than `TURNED`; without landmarks it counts as frontal."""
    return face.landmarks is not None and abs(estimate_yaw(face.landmarks)) > TURNED


def has_closed_mouth(face: Face) -> bool:
    """Whether a mouth shows no teeth; without landmarks it counts as open."""
    if face.landmarks is None:
        return False
    upper, lower = face.landmarks[61:64], face.landmarks[[67, 66, 65]]
    width = float(np.linalg.norm(face.landmarks[54] - face.landmarks[48]))
    return float(np.linalg.norm(upper - lower, axis=1).mean()) < _CLOSED * width
