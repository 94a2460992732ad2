from __future__ import annotations

import numpy as np
import pytest

from pipeline.face_holes import MOST_GROUPS, separate_holes, split_hole
from tests.conformance.scenes import SIZES, disc, holes

CASES = [(size, name) for size in SIZES for name in sorted(holes((1, 1)))]


@pytest.mark.parametrize(("size", "name"), CASES)
def test_the_parts_are_the_hole_pixel_for_pixel(size, name):
    hole = holes(size)[name]
    parts = split_hole(hole)
    total = np.zeros(size, np.int64)
    for part in parts:
        assert part.any()
        total += part
    assert np.array_equal(total, hole.astype(np.int64))


def test_two_faces_are_two():
    size = (200, 400)
    parts = split_hole(disc(size, (0.5, 0.25), 0.1) | disc(size, (0.5, 0.75), 0.1))
    assert len(parts) == 2


def test_a_mask_and_its_crumbs_are_one():
    hole = disc((200, 400), radius=0.1)
    hole[100, 245:260] = True
    hole[80:82, 155] = True
    assert len(split_hole(hole)) == 1


def test_noise_is_no_crowd():
    hole = np.random.default_rng(0).random((600, 800)) < 0.0005
    assert 1 <= len(split_hole(hole)) <= MOST_GROUPS


def test_overlaps_go_to_the_first():
    size = (60, 100)
    left, right = disc(size, (0.5, 0.35), 0.2), disc(size, (0.5, 0.65), 0.2)
    assert (left & right).any()
    first, second = separate_holes([left, right])
    assert np.array_equal(first, left)
    assert np.array_equal(second, right & ~left)


def test_duplicates_are_joined_and_empty_ones_dropped():
    size = (60, 100)
    hole, other = disc(size, radius=0.2), disc(size, (0.5, 0.52), 0.2)
    joined = separate_holes([np.zeros(size, np.bool_), hole, other])
    assert len(joined) == 1
    assert np.array_equal(joined[0], hole | other)


def test_no_holes_stay_none():
    assert separate_holes([]) == []
    assert split_hole(np.zeros((4, 4), np.bool_)) == []
