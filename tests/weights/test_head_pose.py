from __future__ import annotations

import math

import numpy as np
import pytest

from tests.faces import canonical_landmarks
from weights.landmarks.head_pose import estimate_yaw


def turned(degrees):
    """Cheeks at either side of a ball and the nose in front of it, turned and seen from before."""
    points = np.zeros((68, 2))
    angle = math.radians(degrees)
    points[1, 0], points[15, 0], points[30, 0] = -math.cos(angle), math.cos(angle), math.sin(angle)
    return points


@pytest.mark.parametrize("degrees", [-60.0, -20.0, 0.0, 10.0, 45.0])
def test_a_turned_ball_has_its_yaw_wherever_it_is_and_however_it_is_tilted(degrees):
    tilt = np.array([[math.cos(0.3), math.sin(0.3)], [-math.sin(0.3), math.cos(0.3)]])
    assert estimate_yaw(turned(degrees) @ tilt * 70 + (100, 40)) == pytest.approx(-degrees)


def test_a_frontal_face_looks_ahead():
    assert estimate_yaw(canonical_landmarks(100, (80, 60))) == pytest.approx(0.0, abs=1e-6)
    assert math.isnan(estimate_yaw(np.zeros((68, 2))))
