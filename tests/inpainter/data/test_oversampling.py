"""Chosen faces are repeated until they are a share of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inpainter.data.face import Face
from inpainter.data.oversampling import has_closed_mouth, is_turned, repeat_faces
from inpainter.training.recipe import DataSettings
from weights.base.errors import ConfigurationError


def face(name: str, nose: float | None) -> Face:
    """A face whose nose lies so far from the middle of a head 100 px wide."""
    if nose is None:
        return Face(Path(name), None, "train")
    landmarks = np.zeros((68, 2))
    landmarks[1], landmarks[15], landmarks[30] = (0.0, 0.0), (100.0, 0.0), (50.0 + nose, 0.0)
    return Face(Path(name), landmarks, "train")


def test_turned_heads_are_repeated_in_turn_until_they_are_the_share() -> None:
    # A nose 40 px off is a yaw of 39 degrees, one of 20 px 22 degrees.
    faces = [face("a", 40.0), face("b", -40.0), face("c", 20.0), face("d", None), face("e", 0.0)]
    names = [one.path.name for one in repeat_faces(faces, is_turned, 0.5)]
    assert names == ["a", "b", "c", "d", "e", "a"]
    assert len(repeat_faces(faces, is_turned, 0.4)) == 5


def test_nothing_is_repeated_where_there_are_enough_or_none() -> None:
    turned, frontal = face("a", 40.0), face("b", 0.0)
    for share in (0.0, 0.1):
        assert len(repeat_faces([turned, frontal], is_turned, share)) == 2
    assert len(repeat_faces([frontal], is_turned, 0.1)) == 1


@pytest.mark.parametrize(("gap", "closed"), [(0.0, True), (2.0, True), (3.0, False), (-9.0, False)])
def test_a_mouth_is_closed_where_the_inner_lips_almost_meet(gap: float, closed: bool) -> None:
    """The mouth is 50 px wide, and the limit is a twentieth of that."""
    landmarks = np.zeros((68, 2))
    landmarks[48], landmarks[54] = (0.0, 0.0), (50.0, 0.0)
    landmarks[61:64] = [(20.0, 0.0), (25.0, 0.0), (30.0, 0.0)]
    landmarks[65:68] = [(30.0, gap), (25.0, gap), (20.0, gap)]
    assert has_closed_mouth(Face(Path("a"), landmarks, "train")) == closed
    assert not has_closed_mouth(Face(Path("a"), None, "train"))


@pytest.mark.parametrize("name", ["turned_share", "closed_mouth_share"])
@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_cannot_be_is_refused(name: str, share: float) -> None:
    with pytest.raises(ConfigurationError, match=name):
        DataSettings(**{name: share})
