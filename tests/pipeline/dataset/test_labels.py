from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.dataset.labels import (
    clip_polygon,
    polygon_area,
    simplify_polygon,
    visible_outlines,
    yolo_lines,
)
from tests.pipeline.dataset.written_labels import read_outlines

SQUARE = np.array([[10.0, 10.0], [30.0, 10.0], [30.0, 30.0], [10.0, 30.0]])


@pytest.mark.parametrize(
    ("shift", "area"),
    [
        ((0, 0), 400.0),
        ((-20, 0), 10.5 * 20),
        ((35, 35), 4.5 * 4.5),
        ((100, 0), 0.0),
        ((0, -50), 0.0),
    ],
)
def test_clip_polygon_leaves_the_area_inside(shift: tuple[int, int], area: float) -> None:
    clipped = clip_polygon(SQUARE + shift, (0, 0, 50, 50))
    assert polygon_area(clipped) == pytest.approx(area)
    if area:
        assert clipped.min() >= -0.5 and clipped.max() <= 49.5


def test_clip_polygon_larger_than_the_window_is_the_window() -> None:
    clipped = clip_polygon(SQUARE * 100 - 1500, (5, 6, 15, 26))
    assert polygon_area(clipped) == pytest.approx(10 * 20)


def test_clip_polygon_agrees_with_filled_pixels_on_a_bent_shape() -> None:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radius = 40 + 12 * np.sin(3 * angle)
    shape = np.stack([45 + radius * np.cos(angle), 20 + radius * np.sin(angle)], axis=1)
    whole = np.zeros((80, 80), np.uint8)
    cv2.fillPoly(whole, [np.rint(shape * 16).astype(np.int32)], 1, shift=4)
    cut = np.zeros((80, 80), np.uint8)
    clipped = clip_polygon(shape, (0, 0, 80, 80))
    cv2.fillPoly(cut, [np.rint(clipped * 16).astype(np.int32)], 1, shift=4)
    assert (whole != cut).mean() < 0.01


def test_visible_outlines_traces_pieces_and_drops_crumbs() -> None:
    visible = np.zeros((60, 60), bool)
    visible[10:30, 5:25] = True
    visible[10:30, 35:50] = True
    visible[50:52, 50:52] = True
    outlines = visible_outlines(visible)
    assert len(outlines) == 2
    assert outlines[0].min(axis=0).tolist() == [5, 10]
    assert outlines[0].max(axis=0).tolist() == [24, 29]


def test_visible_outlines_of_nothing() -> None:
    assert visible_outlines(np.zeros((4, 4), bool)) == []


def test_simplify_polygon_stays_within_the_tolerance() -> None:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = np.stack([50 + 40 * np.cos(angle), 50 + 40 * np.sin(angle)], axis=1)
    simple = simplify_polygon(circle, 0.25)
    assert 8 < len(simple) < 100
    assert polygon_area(simple) == pytest.approx(polygon_area(circle), rel=0.01)


def test_yolo_lines_are_normalised_and_read_back(tmp_path: Path) -> None:
    text = yolo_lines([SQUARE, SQUARE + 100], width=200, height=400)
    lines = text.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"0 {10.5 / 200:.5f} {10.5 / 400:.5f} ")
    assert all(0.0 <= float(value) <= 1.0 for line in lines for value in line.split())
    (tmp_path / "masks.txt").write_text(text)
    back = read_outlines(tmp_path / "masks.png", width=200, height=400)
    np.testing.assert_allclose(back[1], SQUARE + 100, atol=0.01)


def test_yolo_lines_of_nothing_are_empty() -> None:
    assert yolo_lines([], 10, 10) == ""
