"""Oversampling turned heads, which are rare in most data sets."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Final

from inpainter.data.face import Face
from weights.landmarks.head_pose import estimate_yaw

TURNED: Final = 30.0
"""Degrees of yaw above which a head counts as turned."""


def repeat_turned(faces: list[Face], share: float) -> list[Face]:
    """Repeat turned faces until they make up a given fraction of all.

    Args:
        faces: the faces; those without landmarks count as not turned.
        share: fraction of turned heads in the result, below 1. If there are already more, or none,
            nothing is repeated.

    Returns:
        The faces in their order, followed by the repeated ones.
    """
    turned = [face for face in faces if _is_turned(face)]
    wanted = round(share / (1.0 - share) * (len(faces) - len(turned)))
    return faces + list(islice(cycle(turned), max(0, wanted - len(turned))))


def _is_turned(face: Face) -> bool:
    return face.landmarks is not None and abs(estimate_yaw(face.landmarks)) > TURNED
