from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from detector.synthesis import DRAWN_KINDS, CannotDrawMaskError, draw_mask
from tests.detector.synthesis.faces import astronaut_face
from weights.base.errors import ConfigurationError, InputError


def drawn(seed=0, **options):
    image, landmarks = astronaut_face()
    return draw_mask(image, landmarks, np.random.default_rng(seed), **options)


@pytest.mark.parametrize("kind", DRAWN_KINDS)
def test_every_kind_covers_nose_and_mouth_but_no_eye(kind):
    image, landmarks = astronaut_face()
    for seed in range(3):
        result = drawn(seed, kind=kind, worn="full")
        assert result.masked.shape == image.shape
        assert result.masked.dtype == np.uint8
        assert result.mask.dtype == np.bool_
        assert result.record["kind"] == kind
        for point in landmarks[[30, 33, 48, 51, 54, 57, 58]].round().astype(int):
            assert result.mask[point[1], point[0]], point
        eyes = landmarks[36:48].round().astype(int)
        assert not result.mask[eyes[:, 1], eyes[:, 0]].any()


def test_the_given_picture_is_left_alone_and_far_pixels_do_not_change():
    image, landmarks = astronaut_face()
    before = image.copy()
    result = draw_mask(image, landmarks, np.random.default_rng(3))
    np.testing.assert_array_equal(image, before)
    changed = (result.masked != image).any(axis=2)
    near = cv2.dilate((result.mask | result.straps).astype(np.uint8), np.ones((61, 61), np.uint8))
    assert not (changed & ~near.astype(bool)).any()
    assert changed[result.mask].mean() > 0.9


def test_same_seed_same_picture_and_other_seed_another():
    first, again, other = drawn(5), drawn(5), drawn(6)
    np.testing.assert_array_equal(first.masked, again.masked)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert first.record == again.record
    assert (first.masked != other.masked).any()


def test_masks_vary_in_shape_and_colour():
    results = [drawn(seed, worn="full") for seed in range(12)]
    colours = np.array([r.masked[r.mask].mean(axis=0) for r in results])
    assert colours.std(axis=0).min() > 25
    areas = np.array([r.mask.sum() for r in results])
    assert areas.std() / areas.mean() > 0.04
    assert len({r.record["kind"] for r in results}) >= 3


def test_polygon_fills_to_the_mask():
    for seed in range(4):
        result = drawn(seed)
        canvas = np.zeros(result.mask.shape, np.uint8)
        for contour in result.polygon:
            assert contour.shape[1] == 2
            cv2.fillPoly(canvas, [np.rint(contour * 16).astype(np.int32)[:, None]], 1, shift=4)
        both = (canvas.astype(bool) & result.mask).sum()
        assert both / (canvas.astype(bool) | result.mask).sum() > 0.96


def test_straps_lie_outside_of_the_body():
    result = drawn(2, kind="surgical", worn="full")
    assert result.straps.any()
    assert not (result.straps & result.mask).any()


def test_record_is_ready_for_json():
    for kind in DRAWN_KINDS:
        record = drawn(1, kind=kind).record
        assert json.loads(json.dumps(record)) == record


def test_ways_of_wearing():
    _, landmarks = astronaut_face()
    nose, lip = landmarks[[30, 51]].round().astype(int)
    under = drawn(1, kind="surgical", worn="under-nose")
    assert not under.mask[nose[1], nose[0]]
    assert under.record["worn"] == "under-nose"
    chin = drawn(1, kind="surgical", worn="chin")
    assert not chin.mask[lip[1], lip[0]]
    assert chin.mask.any()


def test_a_dark_photo_gets_a_dark_mask():
    image, landmarks = astronaut_face()
    dark = (image * 0.25).astype(np.uint8)
    bright_level, dark_level = (
        np.mean(
            [
                draw_mask(
                    picture, landmarks, np.random.default_rng(seed), kind="kn95", worn="full"
                ).masked[130:150, 90:110]
                for seed in range(4)
            ]
        )
        for picture in (image, dark)
    )
    assert dark_level < 0.5 * bright_level


def test_light_from_the_side_falls_on_the_mask_too():
    image, landmarks = astronaut_face()
    ramp = np.linspace(1.0, 0.3, image.shape[1])[None, :, None]
    sided = (image * ramp).astype(np.uint8)
    excess = []
    for seed in range(6):
        result = draw_mask(sided, landmarks, np.random.default_rng(seed), kind="n95", worn="full")
        left, right = (np.median(result.masked[115:150, x : x + 12]) for x in (66, 122))
        excess.append(left - right)
    assert np.mean(excess) > 15


def test_a_grey_photo_stays_grey():
    image, landmarks = astronaut_face()
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    result = draw_mask(grey, landmarks, np.random.default_rng(4), kind="patterned", worn="full")
    spread = result.masked[result.mask].astype(int)
    assert np.median(np.ptp(spread, axis=1)) <= 6


def test_no_bright_fringe_at_the_edge_of_a_dark_mask():
    image, landmarks = astronaut_face()
    flat = np.full_like(image, 90)
    ring_excess = []
    for seed in range(5):
        result = draw_mask(flat, landmarks, np.random.default_rng(seed), kind="cloth", worn="full")
        body = result.mask.astype(np.uint8)
        kernel = np.ones((5, 5), np.uint8)
        ring = cv2.dilate(body, kernel).astype(bool) & ~cv2.erode(body, kernel).astype(bool)
        outside = ~cv2.dilate(body, kernel).astype(bool)
        inside = cv2.erode(body, kernel).astype(bool)
        limit = max(np.percentile(result.masked[inside], 99.5), result.masked[outside].max(), 90)
        ring_excess.append(float(np.percentile(result.masked[ring], 99)) - limit)
    assert max(ring_excess) <= 6


def test_faces_at_the_frame_and_at_other_sizes():
    image, landmarks = astronaut_face()
    cut = draw_mask(
        np.ascontiguousarray(image[:150]), landmarks, np.random.default_rng(1), worn="full"
    )
    assert cut.mask.shape == (150, 200)
    assert cut.mask[-1].any()
    for factor in (0.35, 3.0):
        scaled = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        result = draw_mask(scaled, landmarks * factor, np.random.default_rng(1), worn="full")
        assert result.mask.sum() > 0.08 * (landmarks[16, 0] - landmarks[0, 0]) ** 2 * factor**2


def test_turned_head_keeps_the_nose_covered():
    image, landmarks = astronaut_face()
    turned = landmarks.copy()
    turned[27:36, 0] += 18
    turned[48:68, 0] += 12
    result = draw_mask(image, turned, np.random.default_rng(2), worn="full")
    x, y = turned[30].round().astype(int)
    assert result.mask[y, x]


def test_what_cannot_be_drawn_says_why():
    image, landmarks = astronaut_face()
    random = np.random.default_rng(0)
    with pytest.raises(ConfigurationError, match="Did you mean 'surgical'"):
        draw_mask(image, landmarks, random, kind="surgicl")
    with pytest.raises(ConfigurationError, match="under-nose"):
        draw_mask(image, landmarks, random, worn="below")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="folder of templates"):
        draw_mask(image, landmarks, random, kind="template")
    with pytest.raises(InputError, match="uint8 RGB"):
        draw_mask(image[..., 0], landmarks, random)
    with pytest.raises(InputError, match="68"):
        draw_mask(image, landmarks[:5], random)
    with pytest.raises(CannotDrawMaskError) as caught:
        draw_mask(image, landmarks + np.array([0, 400]), random)
    assert caught.value.reason == "mask-out-of-frame"
