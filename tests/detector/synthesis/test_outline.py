from __future__ import annotations

import numpy as np
import pytest

from detector.synthesis.holes import FaceMaskHoles
from detector.synthesis.outline import MASK_KINDS, WORN, fit_outline, smooth_curve
from detector.synthesis.wearing import body_contour, vary_outline
from tests.detector.synthesis.faces import astronaut_face
from weights.base.errors import InputError

_, FACE = astronaut_face()


@pytest.mark.parametrize("kind", [*MASK_KINDS, "moulded"])
@pytest.mark.parametrize("worn", WORN)
def test_edges_go_from_left_to_right_and_lie_in_order(kind, worn):
    for seed in range(5):
        random = np.random.default_rng(seed)
        outline = vary_outline(fit_outline(FACE, kind, random, worn=worn), random)
        assert outline.top[0, 0] < outline.top[-1, 0]
        assert outline.bottom[0, 0] < outline.bottom[-1, 0]
        assert outline.top[:, 1].mean() < outline.bottom[:, 1].mean()
        assert outline.polygon.shape == (96, 2)
        assert np.isfinite(body_contour(outline, random)).all()


def test_worn_lower_sits_lower():
    heights = [
        np.mean(
            [
                fit_outline(FACE, "surgical", np.random.default_rng(seed), worn=worn)
                .top[:, 1]
                .min()
                for seed in range(10)
            ]
        )
        for worn in WORN
    ]
    assert heights == sorted(heights)
    assert heights[2] > FACE[51, 1]


def test_the_outline_follows_the_tilt_of_the_head():
    angle = np.radians(25)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    plain = fit_outline(FACE, "cloth", np.random.default_rng(3)).polygon
    turned = fit_outline(FACE @ rotation, "cloth", np.random.default_rng(3)).polygon
    assert np.abs(turned - plain @ rotation).max() < 1e-6


def test_a_smooth_curve_passes_its_control_points():
    control = np.array([[0.0, 0.0], [10.0, 5.0], [20.0, 0.0], [30.0, 8.0]])
    curve = smooth_curve(control, 400)
    for point in control:
        assert np.linalg.norm(curve - point, axis=1).min() < 0.1


def test_unknown_names():
    random = np.random.default_rng(0)
    with pytest.raises(InputError, match="Unknown mask kind"):
        fit_outline(FACE, "scarf", random)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="way of wearing"):
        fit_outline(FACE, "cloth", random, worn="hat")  # type: ignore[arg-type]


def test_holes_cover_the_mouth_and_are_deterministic():
    holes = FaceMaskHoles()
    x, y = FACE[62].round().astype(int)
    for seed in range(10):
        hole = holes(FACE, (200, 200), np.random.default_rng(seed))
        assert hole.dtype == np.bool_
        assert hole.shape == (200, 200)
        assert hole[y, x]
        again = holes(FACE, (200, 200), np.random.default_rng(seed))
        np.testing.assert_array_equal(hole, again)
