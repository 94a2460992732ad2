"""A mouth's landmarks can be closed, smile or be open, however the face is turned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.expressions import EXPRESSIONS, Expression, with_expression
from tests.faces import canonical_landmarks

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
