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


def test_holes_are_widened_and_shortened():
    """The random numbers of both are the same, so that the holes differ by the factors alone."""

    def extents(**factors):
        holes = FaceMaskHoles(growth=(0.0, 0.0), wobble=0.0, strap_chance=0.0, **factors)
        hole = holes(FACE, (400, 400), np.random.default_rng(3))
        rows, columns = np.nonzero(hole.any(axis=1))[0], np.nonzero(hole.any(axis=0))[0]
        return np.ptp(rows), np.ptp(columns), rows[0]

    plain = extents(widened=(1.0, 1.0), lengthened=(0.999999, 0.999999))
    wide = extents(widened=(1.3, 1.3), lengthened=(1.0, 1.0))
    assert wide[0] == pytest.approx(plain[0], abs=3)
    assert 1.05 * plain[1] < wide[1] < 1.31 * plain[1]
    short = extents(widened=(1.0, 1.0), lengthened=(0.8, 0.8))
    assert short[1] == pytest.approx(plain[1], abs=3)
    assert short[2] == pytest.approx(plain[2], abs=2)
    assert 0.75 * plain[0] < short[0] < 0.9 * plain[0]
