"""The measure of flicker, on frames whose flicker is known."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from pipeline.video import measure_flicker
from pipeline.video.similarity import scaling_and_shift
from tests.pipeline.video.clips import face_picture
from weights.base.errors import InputError

SIZE = (96, 120)


def disk(x, y, radius):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def pulsing(hole, fill, around, count=5):
    """Frames that change by so many grey levels from each to the next, inside and outside."""
    change = np.where(hole, fill, around)[:, :, None].repeat(3, axis=2)
    return [(100 + change * (index % 2)).astype(np.uint8) for index in range(count)]


STILL = [np.eye(3)] * 4


def test_changes_inside_and_outside_are_told_apart():
    hole = disk(60, 48, 25)
    measured = measure_flicker(
        pulsing(hole, 6, 2), [hole] * 5, truth=pulsing(hole, 4, 2), motions=STILL
    )
    assert measured.fill == pytest.approx(6.0)
    assert measured.surroundings == pytest.approx(2.0)
    assert measured.truth == pytest.approx(4.0)
    assert measured.ratio == pytest.approx(1.5)


def test_without_the_truth_the_surroundings_are_the_yardstick():
    hole = disk(60, 48, 25)
    measured = measure_flicker(pulsing(hole, 6, 2), [hole] * 5, motions=STILL)
    assert math.isnan(measured.truth)
    assert measured.ratio == pytest.approx(3.0)


def test_single_frames_that_jump_count_by_their_share():
    hole = disk(60, 48, 25)
    frames = [np.full((*SIZE, 3), 100, np.uint8) for _ in range(5)]
    frames[4][hole] = 120
    # One step of four is one of 20 grey levels.
    assert measure_flicker(frames, [hole] * 5, motions=STILL).fill == pytest.approx(5.0)


def moving(count, step=(3, 1)):
    """A textured picture that is shifted by whole pixels, and a hole that goes with it."""
    random = np.random.default_rng(0)
    wide = cv2.GaussianBlur(random.integers(0, 256, (200, 240, 3)).astype(np.uint8), (0, 0), 1.5)
    frames, holes = [], []
    for index in range(count):
        x, y = step[0] * index, step[1] * index
        frames.append(wide[50 - y : 50 - y + SIZE[0], 50 - x : 50 - x + SIZE[1]].copy())
        holes.append(disk(40 + x, 40 + y, 25))
    return frames, holes


def test_what_moves_with_the_head_does_not_flicker():
    frames, holes = moving(5)
    motions = [scaling_and_shift(1.0, 3.0, 1.0)] * 4
    measured = measure_flicker(frames, holes, truth=frames, motions=motions)
    assert measured.fill == measured.surroundings == measured.truth == 0.0
    # The same frames do flicker for a head that stands still.
    assert measure_flicker(frames, holes, motions=STILL).fill > 10.0


def test_the_motion_is_estimated_where_it_is_not_given():
    frames, holes = moving(5)
    measured = measure_flicker(frames, holes)
    assert measured.fill < 0.3
    for frame, hole, change in zip(frames, holes, (0, 20, 0, 20, 0), strict=True):
        frame[hole] = np.clip(frame[hole].astype(int) + change, 0, 255)
    # What jumps in the hole disturbs the estimate a little.
    assert measure_flicker(frames, holes).fill == pytest.approx(20.0, rel=0.15)


def test_a_hole_without_surroundings_has_none():
    hole = np.ones(SIZE, bool)
    measured = measure_flicker(pulsing(hole, 6, 0), [hole] * 5, motions=STILL)
    assert measured.fill == pytest.approx(6.0)
    assert math.isnan(measured.surroundings)


def test_what_cannot_be_measured_is_refused():
    image, _ = face_picture()
    hole = np.zeros(image.shape[:2], bool)
    hole[40:60, 40:60] = True
    for arguments, says in (
        (([image], [hole]), "two or more frames"),
        (([image] * 2, [hole]), "2 frames, 1 holes"),
        (([image] * 2, [np.zeros_like(hole)] * 2), "too small"),
        (([image, image[:50, :50]], [hole, hole[:50, :50]]), "of one size"),
    ):
        with pytest.raises(InputError, match=says):
            measure_flicker(*arguments, motions=[np.eye(3)])
    with pytest.raises(InputError, match="1 motions, but got 2"):
        measure_flicker([image] * 2, [hole] * 2, motions=[np.eye(3)] * 2)
    with pytest.raises(InputError, match="1 true frames"):
        measure_flicker([image] * 2, [hole] * 2, truth=[image])
