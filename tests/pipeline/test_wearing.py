"""Masks worn under the chin stay, unless they are asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector import YoloMaskDetector
from detector.synthesis import draw_mask
from examples.astronaut import LANDMARKS, astronaut
from pipeline import Pipeline
from pipeline.face import Face
from pipeline.wearing import is_worn_low
from weights.base.errors import InputError, WeightsError
from weights.base.regions import MaskRegion
from weights.catalog import lookup
from weights.landmarks import FoundFace, shared_finder

IMAGE = astronaut()


def box_region(x0, y0, x1, y1):
    mask = np.zeros(IMAGE.shape[:2], bool)
    mask[y0:y1, x0:x1] = True
    return MaskRegion.from_mask(mask, 0.9)


OVER_MOUTH, UNDER_CHIN = box_region(240, 330, 460, 450), box_region(260, 400, 440, 460)


def seen_face(*regions, points=LANDMARKS, sure=0.9):
    (face,) = Face.each(0, IMAGE, [np.logical_or.reduce([one.mask for one in regions])])
    return replace(face, regions=regions, landmarks=FoundFace(points, sure, 0.0))


def test_a_mask_that_leaves_the_mouth_free_is_worn_low():
    assert not is_worn_low(seen_face(OVER_MOUTH))
    assert is_worn_low(seen_face(UNDER_CHIN))
    # One piece over the mouth is enough.
    assert not is_worn_low(seen_face(UNDER_CHIN, OVER_MOUTH))
    # Of what shows no face nothing can be said.
    assert not is_worn_low(seen_face(UNDER_CHIN, sure=0.4))
    assert not is_worn_low(replace(seen_face(UNDER_CHIN), landmarks=None))
    # Points past the picture are hidden by nothing.
    assert is_worn_low(seen_face(OVER_MOUTH, points=LANDMARKS + 5000))


def test_a_hole_of_the_user_s_own_is_meant():
    assert not is_worn_low(replace(seen_face(UNDER_CHIN), regions=()))


@pytest.mark.parametrize(("worn", "counts"), [("full", 1), ("under-nose", 1), ("chin", 0)])
def test_the_pipeline_leaves_masks_under_the_chin_alone(worn, counts):
    masked = draw_mask(IMAGE, LANDMARKS, np.random.default_rng(1), kind="n95", worn=worn).masked
    assert len(YoloMaskDetector(device="cpu").detect([masked])[0]) == 1
    for low_masks, filled in ((False, counts), (True, 1)):
        pipeline = Pipeline(inpainter="telea", device="cpu", low_masks=low_masks)
        result = pipeline.run([masked])[0]
        assert len(result.faces) == len(result.regions) == filled
        assert result.hole.any() == bool(filled)
        assert len(pipeline.find_faces([masked], [{}])[0][1]) == filled


class SeesLowMasks:
    """A finder whose faces have their mouth above every hole but one that is far to the left."""

    def __init__(self):
        self.looks = 0

    def find_near(self, image, frame):
        self.looks += 1
        below = 0.0 if frame.x < image.shape[1] / 2 else -frame.side
        return FoundFace(np.tile([frame.x, frame.y + below], (68, 1)), 0.9, 0.9)


def test_a_mask_that_stays_is_seen_by_the_inpainter_and_each_face_is_looked_at_once():
    picture = np.full((64, 160, 3), 127, np.uint8)
    left, right = np.zeros((2, 64, 160), bool)
    left[24:48, 40:70] = right[24:48, 74:104] = True
    seen = []

    def fill(crop, hole):
        seen.append(hole)
        return crop

    finder = SeesLowMasks()
    stages = {"detector": lambda image: [left, right], "refiner": "none", "inpainter": fill}
    result = Pipeline(**stages, landmarks=finder).run([picture])[0]
    assert finder.looks == 2
    assert np.array_equal(result.hole, left)
    assert len(result.faces) == len(result.regions) == 1
    (hole,) = seen
    both = Pipeline(**stages, landmarks=finder, low_masks=True).run([picture])[0]
    assert np.array_equal(both.hole, left | right)
    assert hole.sum() == left.sum() < seen[1].sum()


def test_missing_weights_are_an_error_where_low_masks_are_to_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(lookup, "RECORDS", tmp_path)
    shared_finder.cache_clear()
    try:
        stages = {"detector": lambda image: [OVER_MOUTH.mask], "inpainter": "telea"}
        with pytest.raises(WeightsError, match="are not in this installation"):
            Pipeline(**stages, device="cpu").run([IMAGE])
        for option in ({"low_masks": True}, {"landmarks": None}):
            result = Pipeline(**stages, **option, device="cpu").run([IMAGE])[0]
            assert len(result.faces) == 1
    finally:
        shared_finder.cache_clear()


def test_low_masks_is_yes_or_no():
    with pytest.raises(InputError, match="low_masks must be True or False, but is 'yes'"):
        Pipeline(low_masks="yes")
