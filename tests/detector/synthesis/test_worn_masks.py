from __future__ import annotations

import numpy as np
import pytest

from detector.synthesis.worn_masks import WornMasks
from tests.faces import draw_face
from weights.base.errors import InputError


def test_the_mask_lies_in_its_hole_and_straps_apart_nothing_else_changes() -> None:
    image, landmarks = draw_face(np.random.default_rng(0))
    worn = WornMasks(growth=(0.06, 0.06))(image, landmarks, np.random.default_rng(1))
    assert worn is not None
    masked, hole = worn
    assert masked.shape == image.shape and masked.dtype == np.uint8
    assert hole.shape == image.shape[:2] and hole.dtype == np.bool_
    assert 0.03 < hole.mean() < 0.4
    changed = np.abs(masked.astype(int) - image).max(axis=2) > 40
    assert (changed & hole).sum() > 0.5 * hole.sum()
    assert (changed & ~hole).sum() < 0.25 * changed.sum()


def test_growth_widens_the_hole() -> None:
    image, landmarks = draw_face(np.random.default_rng(0))
    holes = []
    for growth in (0.0, 0.1):
        worn = WornMasks((growth, growth))(image, landmarks, np.random.default_rng(1))
        assert worn is not None
        holes.append(worn[1])
    assert (holes[1] >= holes[0]).all()
    assert holes[1].sum() > 1.2 * holes[0].sum()


def test_a_face_that_takes_no_mask_gives_none() -> None:
    image, landmarks = draw_face(np.random.default_rng(0))
    random = np.random.default_rng(1)
    assert WornMasks()(image, None, random) is None
    assert WornMasks()(image, landmarks * 0.05, random) is None
    with pytest.raises(InputError, match=r"masks\.cfg"):
        WornMasks(templates="/nowhere")
