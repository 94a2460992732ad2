"""Expressions: moving the mouth's landmarks, so that fills conditioned on them differ."""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np

from weights.landmarks.frame import Points
from weights.landmarks.points import eye_distance

Expression = Literal["smile", "closed", "open"]

EXPRESSIONS: Final[tuple[Expression, ...]] = get_args(Expression)

_OPENING: Final[dict[Expression, float]] = {"closed": 0.0, "smile": 0.06, "open": 0.16}
"""Gap between the lips, as a fraction of the distance between the outer corners of the eyes."""

_WIDENING: Final[dict[Expression, float]] = {"closed": 0.97, "smile": 1.18, "open": 0.95}
"""Factor by which the mouth is widened."""

_LIFTING: Final[dict[Expression, float]] = {"closed": 0.0, "smile": 0.06, "open": 0.0}
"""How far the corners of the mouth are raised, as a fraction of that distance."""

_MOUTH: Final = slice(48, 68)
_UPPER_INNER: Final = (61, 62, 63)
_LOWER_INNER: Final = (67, 66, 65)
_LOWER_OUTER: Final = (55, 56, 57, 58, 59)
_CHIN: Final = (6, 7, 8, 9, 10)


def with_expression(points: Points, expression: Expression) -> Points:
    """Give a face another expression: the mouth's shape changes, and the chin follows the lips.

    Args:
        points: iBUG points `(68, 2)`, x y in pixels.
        expression: the new one.
    """
    # Unit vectors along the mouth and down the face.
    across = points[54] - points[48]
    across = across / max(float(np.hypot(*across)), 1e-6)
    down = np.array([-across[1], across[0]])
    eyes = eye_distance(points)
    moved = points.copy()
    upper, lower = list(_UPPER_INNER), list(_LOWER_INNER)
    apart = float(((points[lower] - points[upper]) @ down).mean())
    lowered = (_OPENING[expression] * eyes - apart) * down
    # The middle of a lip moves most.
    for group in (_LOWER_INNER, _LOWER_OUTER):
        weights = np.sin(np.linspace(0.0, np.pi, len(group) + 2)[1:-1]) ** 0.5
        moved[list(group)] += weights[:, None] * lowered
    moved[list(_CHIN)] += 0.7 * lowered
    mouth = moved[_MOUTH]
    middle = points[_MOUTH].mean(axis=0)
    sideways = (mouth - middle) @ across
    reach = max(float(np.abs(sideways).max()), 1e-6)
    mouth += np.outer((_WIDENING[expression] - 1.0) * sideways, across)
    mouth -= np.outer(_LIFTING[expression] * eyes * (sideways / reach) ** 2, down)
    moved[_MOUTH] = mouth
    return moved
