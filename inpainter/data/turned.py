"""Turned heads, which most collections of portraits have few of, drawn oftener."""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING, Final

from weights.landmarks.head_pose import estimate_yaw

if TYPE_CHECKING:
    from inpainter.data.face import Face

TURNED: Final = 30.0
"""Degrees of yaw above which a head counts as turned."""


def repeat_turned(faces: list[Face], share: float) -> list[Face]:
    """Repeat the faces of turned heads until they are a share of all.

    Args:
        faces: the faces; those without landmarks count as not turned.
        share: of turned heads in the result, below 1. Where there are more, or none, nothing is
            repeated.

    Returns:
        The faces in their order, and the repeated ones after them.
    """
    turned = [face for face in faces if _is_turned(face)]
    wanted = round(share / (1.0 - share) * (len(faces) - len(turned)))
    return faces + list(islice(cycle(turned), max(0, wanted - len(turned))))


def _is_turned(face: Face) -> bool:
    return face.landmarks is not None and abs(estimate_yaw(face.landmarks)) > TURNED
