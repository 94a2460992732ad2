import numpy as np
import pytest

from pipeline.dataset.canvas import Canvas, apply_matrix
from pipeline.dataset.labels import polygon_area

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def moved(x: float, y: float) -> np.ndarray:
    matrix = IDENTITY.copy()
    matrix[:, 2] = (x, y)
    return matrix


def picture(colour: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """A plain picture of 40 x 40 with a mask of 20 x 20 in its middle."""
    image = np.full((40, 40, 3), colour, np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    outline = np.array([[9.5, 9.5], [29.5, 9.5], [29.5, 29.5], [9.5, 29.5]])
    return image, np.full((40, 40), 255, np.uint8), mask, [outline]


def test_opaque_paste_shows_the_picture_and_leaves_the_rest() -> None:
    background = np.full((100, 120, 3), 50, np.uint8)
    canvas = Canvas(background)
    image, alpha, mask, outlines = picture()
    canvas.paste(image, alpha, moved(30, 20), mask, outlines)
    assert (canvas.image[20:60, 30:70] == 200).all()
    canvas.image[20:60, 30:70] = 50
    assert (canvas.image == 50).all()
    assert (background == 50).all()


def test_outline_of_a_free_mask_is_the_drawn_one() -> None:
    canvas = Canvas(np.zeros((100, 120, 3), np.uint8))
    image, alpha, mask, outlines = picture()
    canvas.paste(image, alpha, moved(30, 20), mask, outlines)
    found = canvas.outlines()
    np.testing.assert_allclose(found[0][0], outlines[0] + (30, 20))


def test_outline_is_cut_at_frame_and_window() -> None:
    canvas = Canvas(np.zeros((100, 120, 3), np.uint8))
    image, alpha, mask, outlines = picture()
    canvas.paste(image, alpha, moved(-20, 20), mask, outlines)
    canvas.paste(image, alpha, moved(60, 20), mask, outlines, window=(60, 20, 80, 60))
    frame, window = canvas.outlines()
    assert polygon_area(frame[0]) == pytest.approx(10 * 20)
    assert window[0][:, 0].max() == 79.5
    assert (canvas.image[:, 80:] == 0).all()


def test_later_pictures_hide_masks() -> None:
    canvas = Canvas(np.zeros((100, 120, 3), np.uint8))
    image, alpha, mask, outlines = picture()
    canvas.paste(image, alpha, moved(30, 20), mask, outlines)
    canvas.paste(image, alpha, moved(50, 20))
    (found,) = canvas.outlines()
    assert found[0][:, 0].min() == 40 and found[0][:, 0].max() == 49
    canvas.paste(image, alpha, moved(30, 20))
    assert canvas.outlines() == [[]]


def test_paint_hides_masks_and_splits_them() -> None:
    canvas = Canvas(np.zeros((100, 120, 3), np.uint8))
    image, alpha, mask, outlines = picture()
    canvas.paste(image, alpha, moved(30, 20), mask, outlines)
    bar = np.array([[48.0, 0.0], [52.0, 0.0], [52.0, 99.0], [48.0, 99.0]])
    canvas.paint(bar, np.array([255.0, 0.0, 0.0]), 0.0)
    assert canvas.image[40, 50].tolist() == [255, 0, 0]
    (found,) = canvas.outlines()
    assert len(found) == 2


def test_masks_next_to_invisible_are_not_labelled() -> None:
    canvas = Canvas(np.zeros((100, 120, 3), np.uint8))
    image, alpha, mask, outlines = picture()
    canvas.paste(image, alpha, moved(-28, 20), mask, outlines)
    canvas.paste(image, alpha, 0.2 * IDENTITY, mask, outlines)
    canvas.paste(image, alpha, moved(500, 500), mask, outlines)
    assert canvas.outlines() == [[], [], []]


def test_turned_mask_keeps_pixels_and_outline_together() -> None:
    canvas = Canvas(np.zeros((100, 120, 3), np.uint8))
    image, alpha, mask, outlines = picture()
    image[mask] = 10
    turn = np.radians(25)
    matrix = 1.5 * np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0]])
    matrix[:, 2] = (50, 10)
    canvas.paste(image, alpha, matrix, mask, outlines)
    ((outline,),) = canvas.outlines()
    np.testing.assert_allclose(outline, apply_matrix(matrix, outlines[0]))
    dark = (canvas.image[:, :, 0] < 105) & (canvas.image[:, :, 0] > 0)
    ys, xs = np.nonzero(dark & (np.abs(canvas.image[:, :, 0].astype(int) - 10) < 5))
    np.testing.assert_allclose([xs.mean(), ys.mean()], outline.mean(axis=0), atol=0.5)
    assert len(xs) == pytest.approx(polygon_area(outline), rel=0.1)
