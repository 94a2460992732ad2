"""A mouth's landmarks can be closed, smile or be open, however the face is turned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.faces import canonical_landmarks
from weights.landmarks.expressions import (
    CLEARLY_OPEN,
    EXPRESSIONS,
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


def gap(points: np.ndarray) -> float:
    """Mean distance of the inner lips, as a fraction of the eye distance."""
    pairs = ((61, 67), (62, 66), (63, 65))
    return float(np.mean([np.hypot(*(points[a] - points[b])) for a, b in pairs])) / EYES


@pytest.mark.parametrize("degrees", [0.0, 40.0])
@pytest.mark.parametrize(
    ("opening", "decided"), [(0.04, 0.0), (0.07, 0.05), (CLEARLY_OPEN, CLEARLY_OPEN), (0.2, 0.2)]
)
def test_a_slit_is_closed_and_an_open_mouth_stays(
    opening: float, decided: float, degrees: float
) -> None:
    points = with_expression(face(degrees), "smile")
    down = (points[66] - points[62]) / np.hypot(*(points[66] - points[62]))
    points[[65, 66, 67]] += (opening - gap(points)) * EYES * down
    moved = with_decided_mouth(points)
    assert gap(moved) == pytest.approx(decided, abs=0.01)
    still = [index for index in range(61) if not (6 <= index <= 10 or 55 <= index <= 59)]
    assert np.array_equal(moved[still], points[still])
