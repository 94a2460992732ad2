from __future__ import annotations

import pickle

import numpy as np
import pytest

from detector.synthesis import CannotDrawMaskError, check_face, head_turn
from tests.detector.synthesis.faces import astronaut_face
from weights.base.errors import InputError, UnmaskError

_, FACE = astronaut_face()


def _turned() -> np.ndarray:
    points = FACE.copy()
    points[27:36, 0] = points[16, 0] - 1
    return points


def _upside_down() -> np.ndarray:
    points = FACE.copy()
    points[48:68, 1] -= 80
    return points


def test_a_plain_face_passes():
    check_face(FACE, (200, 200))
    assert abs(head_turn(FACE)) < 0.2


@pytest.mark.parametrize(
    ("landmarks", "size", "reason"),
    [
        (FACE * 0.15, (200, 200), "too-small"),
        (_turned(), (200, 200), "turned-away"),
        (FACE, (110, 200), "mask-out-of-frame"),
        (_upside_down(), (200, 200), "landmarks-implausible"),
        (np.stack([np.linspace(20, 150, 68)] * 2, axis=1), (200, 200), "landmarks-implausible"),
    ],
)
def test_reasons(landmarks, size, reason):
    with pytest.raises(CannotDrawMaskError) as caught:
        check_face(landmarks, size)
    assert caught.value.reason == reason
    assert isinstance(caught.value, UnmaskError)
    assert str(caught.value).endswith(".")


def test_sign_of_the_turn_and_independence_of_tilt():
    points = FACE.copy()
    points[27:36, 0] += 20
    assert head_turn(points) > head_turn(FACE)
    angle = np.radians(30)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    assert head_turn(points @ rotation) == pytest.approx(head_turn(points))
    check_face(FACE @ rotation + [50, 120], (500, 500))


def test_malformed_landmarks():
    with pytest.raises(InputError):
        check_face(np.full((68, 2), np.nan), (100, 100))


def test_the_reason_survives_the_way_between_processes():
    error = CannotDrawMaskError("too-small", "The face is too small.")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, str(copy)) == ("too-small", "The face is too small.")
