"""A head is turned by a mesh that carries the photo; what is not of the head stays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from inpainter.data.head_turning import (
    _CHIN,
    _FOREHEAD,
    _LANDMARKS,
    _LEFT,
    _OUTLINE,
    _RIGHT,
    mesh_yaw,
    turn_head,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 200
CENTRE = np.array([100.0, 100.0])
WIDTH, HEIGHT = 35.0, 45.0
"""Half axes of the face, in pixels."""


def half_head() -> NDArray[np.float64]:
    """A mesh of 468 points on the front half of an ellipsoid, whose rim is the outline."""
    mesh = np.zeros((468, 3))
    inner = np.setdiff1d(np.arange(468), _OUTLINE)
    # A sunflower's pattern covers the disc evenly.
    radius = 0.97 * np.sqrt((np.arange(len(inner)) + 0.5) / len(inner))
    angle = np.arange(len(inner)) * math.pi * (3.0 - math.sqrt(5.0))
    mesh[inner, 0], mesh[inner, 1] = radius * np.cos(angle), radius * np.sin(angle)
    # Clockwise from the forehead.
    around = np.linspace(0.0, 2.0 * math.pi, len(_OUTLINE), endpoint=False)
    mesh[_OUTLINE, 0], mesh[_OUTLINE, 1] = np.sin(around), -np.cos(around)
    mesh[:, 2] = -np.sqrt(np.clip(1.0 - mesh[:, 0] ** 2 - mesh[:, 1] ** 2, 0.0, None))
    return mesh * (WIDTH, HEIGHT, WIDTH) + (*CENTRE, 0.0)


def photo() -> NDArray[np.uint8]:
    """A ramp from left to right in red, from top to bottom in green."""
    ramp = np.linspace(20, 220, SIDE).astype(np.uint8)
    return np.stack(
        [
            np.tile(ramp, (SIDE, 1)),
            np.tile(ramp[:, None], SIDE),
            np.full((SIDE, SIDE), 90, np.uint8),
        ],
        axis=-1,
    )


def landmarks_of(mesh: NDArray[np.float64]) -> NDArray[np.float64]:
    return mesh[_LANDMARKS, :2].copy()


def test_the_mesh_has_one_outline_and_a_point_for_each_landmark() -> None:
    assert len(set(_OUTLINE)) == 36
    assert {_FOREHEAD, _CHIN, _LEFT, _RIGHT} <= set(_OUTLINE)
    assert _LANDMARKS.shape == (68,) and _LANDMARKS[8] == _CHIN


def test_a_head_that_is_not_turned_stays_as_it_is() -> None:
    mesh = half_head()
    head = turn_head(photo(), mesh, landmarks_of(mesh), 0.0)
    assert np.abs(head.image.astype(int) - photo()).max() <= 1
    assert head.made_up == 0.0
    inner = [*range(17, 68)]
    np.testing.assert_allclose(head.landmarks[inner], landmarks_of(mesh)[inner], atol=1e-9)


@pytest.mark.parametrize("degrees", [30.0, -30.0])
def test_a_point_before_the_axis_moves_by_the_sine(degrees: float) -> None:
    mesh = half_head()
    nearest = int(np.argmin(mesh[:, 2]))
    landmarks = landmarks_of(mesh)
    landmarks[30] = mesh[nearest, :2]
    before = photo()
    head = turn_head(before, mesh, landmarks, degrees)
    # The axis lies a twentieth of the face's width behind the ears.
    reach = WIDTH + 0.05 * 2.0 * WIDTH
    x = CENTRE[0] + reach * math.sin(math.radians(degrees))
    y = round(float(mesh[nearest, 1]))
    red = head.image[y, round(x), 0]
    assert abs(int(red) - int(before[y, round(float(mesh[nearest, 0])), 0])) <= 6
    # Positive is to the right of the picture, as of the mesh's own yaw.
    turned = mesh.copy()
    away = mesh - (CENTRE[0], 0.0, 0.1 * WIDTH)
    angle = math.radians(degrees)
    turned[:, 0] = CENTRE[0] + away[:, 0] * math.cos(angle) - away[:, 2] * math.sin(angle)
    turned[:, 2] = away[:, 0] * math.sin(angle) + away[:, 2] * math.cos(angle)
    assert mesh_yaw(turned) == pytest.approx(degrees, abs=0.5)
    moved = turned[_LANDMARKS, :2]
    np.testing.assert_allclose(head.landmarks[31:68], moved[31:68], atol=0.3)


def test_what_lies_far_from_the_head_stays_bit_for_bit() -> None:
    mesh = half_head()
    image = photo()
    head = turn_head(image, mesh, landmarks_of(mesh), 40.0)
    far = np.abs(np.arange(SIDE) - CENTRE[0]) > 1.95 * WIDTH
    np.testing.assert_array_equal(head.image[:, far], image[:, far])
    assert (head.image[:, ~far] != image[:, ~far]).any()


def test_the_jaw_that_is_hidden_lies_on_the_outline_that_is_seen() -> None:
    mesh = half_head()
    mesh[_LANDMARKS[9:17], :2] = CENTRE + np.stack(
        [np.linspace(0.2, 0.95, 8) * WIDTH, np.linspace(0.95, 0.0, 8) * HEIGHT], axis=1
    )
    head = turn_head(photo(), half_head(), landmarks_of(mesh), 50.0)
    # A half head that is turned by 50 degrees reaches as far as its radius before the axis.
    assert head.landmarks[16, 0] > CENTRE[0] + 0.9 * WIDTH
    assert (np.diff(head.landmarks[9:17, 0]) > -1.5).all()


def test_what_lies_past_the_frame_is_told() -> None:
    mesh = half_head() - (CENTRE[0], 0.0, 0.0)
    assert turn_head(photo(), mesh, landmarks_of(mesh), 40.0).made_up > 0.1
