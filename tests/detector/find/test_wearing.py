"""Masks worn under the chin stay, unless they are asked for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from detector import YoloMaskDetector
from detector.find.wearing import is_worn_low
from detector.synthesis import draw_mask
from examples.astronaut import LANDMARKS, astronaut
from weights.base.regions import MaskRegion

IMAGE = astronaut()


class AlwaysFinds:
    """Gives one face for each look, the last one again and again."""

    def __init__(self, *faces):
        self.faces, self.frames = list(faces), []

    def find_near(self, image, frame):
        self.frames.append(frame)
        points, sure = self.faces[min(len(self.frames), len(self.faces)) - 1]
        return SimpleNamespace(points=points, face=sure, masked=0.0)


def box_region(x0, y0, x1, y1):
    mask = np.zeros(IMAGE.shape[:2], bool)
    mask[y0:y1, x0:x1] = True
    return MaskRegion.from_mask(mask, 0.9)


OVER_MOUTH, UNDER_CHIN = box_region(240, 330, 460, 450), box_region(260, 400, 440, 460)
ELSEWHERE = LANDMARKS - (0, 200)


@pytest.mark.parametrize(
    ("region", "faces", "low", "looks"),
    [
        (OVER_MOUTH, [(LANDMARKS, 0.9)], False, 1),
        (UNDER_CHIN, [(LANDMARKS, 0.9)], True, 2),
        # What shows no face is looked at from a second place, and stays if that shows none either.
        (UNDER_CHIN, [(LANDMARKS, 0.4)], False, 2),
        (OVER_MOUTH, [(ELSEWHERE, 0.4), (LANDMARKS, 0.9)], False, 2),
        (UNDER_CHIN, [(ELSEWHERE, 0.4), (LANDMARKS, 0.9)], True, 2),
        # Points past the picture are hidden by nothing.
        (OVER_MOUTH, [(LANDMARKS + 5000, 0.9)], True, 2),
    ],
)
def test_a_mask_that_leaves_the_mouth_free_is_worn_low(region, faces, low, looks):
    finder = AlwaysFinds(*faces)
    assert is_worn_low(IMAGE, region, finder) == low
    assert len(finder.frames) == looks


@pytest.mark.parametrize(("worn", "counts"), [("full", 1), ("under-nose", 1), ("chin", 0)])
def test_the_detector_leaves_masks_under_the_chin_alone(worn, counts):
    masked = draw_mask(IMAGE, LANDMARKS, np.random.default_rng(1), kind="n95", worn=worn).masked
    assert len(YoloMaskDetector(device="cpu").detect([masked])[0]) == counts
    assert len(YoloMaskDetector(device="cpu", low_masks=True).detect([masked])[0]) == 1
