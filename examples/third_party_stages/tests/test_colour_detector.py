"""The detector finds its colour."""

from __future__ import annotations

import numpy as np
from stage_names import DETECTOR

from pipeline import create_stage

BLUE = (135, 180, 215)


def picture_with_patch() -> np.ndarray:
    """Grey, with a blue patch; uint8 RGB `(60, 80, 3)`."""
    picture = np.full((60, 80, 3), 120, np.uint8)
    picture[30:50, 20:60] = BLUE
    return picture


def test_the_patch_is_found() -> None:
    """Its pixels, its box, and nothing else."""
    (region,) = create_stage("detector", DETECTOR).detect([picture_with_patch()])[0]
    assert region.box == (20.0, 30.0, 60.0, 50.0)
    assert region.area == 20 * 40
    assert region.score == 1.0


def test_another_colour_is_an_option() -> None:
    """A stage's options are the constructor's arguments."""
    detector = create_stage("detector", {"name": DETECTOR, "colour": [250, 250, 250]})
    assert detector.detect([picture_with_patch()]) == [[]]
