"""Turned heads are repeated until they are a share of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inpainter.data.face import Face
from inpainter.data.turned import repeat_turned
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
    names = [one.path.name for one in repeat_turned(faces, 0.5)]
    assert names == ["a", "b", "c", "d", "e", "a"]
    assert len(repeat_turned(faces, 0.4)) == 5


def test_nothing_is_repeated_where_there_are_enough_or_none() -> None:
    turned, frontal = face("a", 40.0), face("b", 0.0)
    for share in (0.0, 0.1):
        assert len(repeat_turned([turned, frontal], share)) == 2
    assert len(repeat_turned([frontal], 0.1)) == 1


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_cannot_be_is_refused(share: float) -> None:
    with pytest.raises(ConfigurationError, match="turned_share"):
        DataSettings(turned_share=share)
