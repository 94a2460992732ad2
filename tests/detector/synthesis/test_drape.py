"""Tests of masks that are draped over a fitted face in three dimensions."""

from __future__ import annotations

import numpy as np
import pytest

from detector.synthesis import draw_mask
from detector.synthesis.canvas import Canvas
from detector.synthesis.drape import _generic_face, _projected, _taut, drape_mask
from detector.synthesis.material import surgical
from tests.detector.synthesis.faces import astronaut_face


def turned_face(yaw: float, size: float = 2.0) -> np.ndarray:
    """The generic face's landmarks `(68, 2)` as a camera sees it; those it lacks are 0."""
    numbers, face = _generic_face()
    angle = np.radians(yaw)
    across = np.cos(angle) * face[:, 0] + np.sin(angle) * face[:, 2]
    landmarks = np.zeros((68, 2))
    landmarks[numbers] = size * np.stack([across, face[:, 1]], axis=1) + 200.0
    return landmarks


@pytest.mark.parametrize("yaw", [-35.0, 0.0, 20.0])
def test_points_of_the_face_are_seen_where_its_turn_puts_them(yaw):
    point = np.array([[30.0, 60.0, -10.0]])
    places, height = _projected(point, turned_face(yaw))
    angle = np.radians(yaw)
    wanted = [np.cos(angle) * 30.0 + np.sin(angle) * -10.0, 60.0]
    assert np.allclose(places[0], 200.0 + 2.0 * np.array(wanted), atol=0.5)
    nearer, above = _projected(point + np.array([0.0, 0.0, 10.0]), turned_face(yaw))
    assert above - height == pytest.approx(2.0 * 10.0 * np.cos(angle), abs=0.5)
    assert (nearer - places)[0, 0] == pytest.approx(2.0 * 10.0 * np.sin(angle), abs=0.5)


def test_taut_cloth_spans_hollows_and_rests_on_what_stands_out():
    radius = np.array([[5.0], [9.0], [3.0], [7.0], [6.0], [1.0]])
    assert np.allclose(_taut(radius)[:, 0], [5.0, 9.0, 8.0, 7.0, 6.0, 1.0])


@pytest.mark.parametrize("seed", range(4))
def test_of_a_turned_mask_the_near_half_is_wide_and_the_hidden_part_is_left_out(seed):
    random = np.random.default_rng(seed)
    drape = drape_mask(turned_face(40.0), surgical(300, random), random, "full")
    canvas = Canvas(0, 0, 400, 480, 1)
    surface = drape.surface(canvas)
    body = surface.coverage > 0.5
    left, right = (body & (surface.across < 0)).sum(), (body & (surface.across > 0)).sum()
    # It looks to image right, so the image-left cheek is near.
    assert left > 1.5 * right
    assert surface.down[body].min() > -0.1 and surface.down[body].max() < 1.1
    edge = drape.outline
    assert edge.top[:, 1].max() < edge.bottom[:, 1].max()


def test_draped_masks_cover_nose_and_mouth_but_no_eye():
    image, landmarks = astronaut_face()
    for seed in range(6):
        result = draw_mask(image, landmarks, np.random.default_rng(seed), worn="full", draped=1.0)
        assert result.record["draped"] is True
        for x, y in landmarks[[33, 48, 51, 54, 57]].round().astype(int):
            assert result.mask[y, x]
        for x, y in landmarks[36:48].round().astype(int):
            assert not result.mask[y, x]
        assert not (result.straps & result.mask).any()


def test_flat_masks_are_what_they_were():
    image, landmarks = astronaut_face()
    flat = draw_mask(image, landmarks, np.random.default_rng(5))
    again = draw_mask(image, landmarks, np.random.default_rng(5), draped=0.0)
    assert (flat.masked == again.masked).all() and flat.record["draped"] is False
