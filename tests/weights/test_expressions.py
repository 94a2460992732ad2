"""A mouth's landmarks can be closed, smile or be open, however the face is turned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.faces import canonical_landmarks
from weights.landmarks.expressions import (
    EXPRESSIONS,
    MEAN_OPENING,
    Expression,
    with_decided_mouth,
    with_expression,
)

EYES = 100.0


def face(degrees: float = 0.0) -> np.ndarray:
    points = canonical_landmarks(200.0, (300.0, 300.0))
    points = points * EYES / np.hypot(*(points[45] - points[36]))
    turn = cv2.getRotationMatrix2D((0.0, 0.0), -degrees, 1.0)[:, :2]
    return points @ turn.T


def opening(points: np.ndarray) -> float:
    return float(np.hypot(*(points[66] - points[62])))


@pytest.mark.parametrize("degrees", [0.0, 40.0])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_only_mouth_and_chin_move(expression: Expression, degrees: float) -> None:
    points = face(degrees)
    moved = with_expression(points, expression)
    still = [index for index in range(48) if not 6 <= index <= 10]
    assert np.array_equal(moved[still], points[still])
    upright = with_expression(face(), expression)
    turn = cv2.getRotationMatrix2D((0.0, 0.0), -degrees, 1.0)[:, :2]
    assert np.allclose(moved, upright @ turn.T)


def test_lips_are_so_far_apart() -> None:
    apart = {one: opening(with_expression(face(), one)) / EYES for one in EXPRESSIONS}
    assert apart == pytest.approx({"closed": 0.0, "smile": 0.06, "open": 0.16}, abs=0.02)


def test_a_smile_is_wider_and_its_corners_are_higher_than_its_middle() -> None:
    points, smile = face(), with_expression(face(), "smile")
    width = np.hypot(*(points[54] - points[48]))
    assert np.hypot(*(smile[54] - smile[48])) == pytest.approx(1.18 * width, rel=0.02)
    for corner in (48, 54):
        assert smile[corner, 1] == pytest.approx(points[corner, 1] - 0.06 * EYES, abs=1.0)


@pytest.mark.parametrize("degrees", [0.0, 40.0])
def test_a_slit_is_closed_and_a_gap_is_opened(degrees: float) -> None:
    middle = with_expression(face(degrees), "smile")
    lips = [61, 62, 63, 67, 66, 65]
    gap = (
        np.mean(
            [np.hypot(*(middle[b] - middle[a])) for a, b in zip(lips[:3], lips[3:], strict=True)]
        )
        / EYES
    )
    for opening, decided in ((0.04, 0.0), (MEAN_OPENING, MEAN_OPENING), (0.123, 0.183)):
        points = middle.copy()
        down = (middle[66] - middle[62]) / np.hypot(*(middle[66] - middle[62]))
        points[lips[3:]] += (opening - gap) * EYES * down
        moved = with_decided_mouth(points)
        apart = [(moved[b] - moved[a]) @ down for a, b in zip(lips[:3], lips[3:], strict=True)]
        assert np.mean(apart) / EYES == pytest.approx(decided, abs=0.02)
        still = [index for index in range(61) if not (6 <= index <= 10 or 55 <= index <= 59)]
        assert np.array_equal(moved[still], points[still])
