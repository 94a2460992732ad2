"""Shapes and text drawn in the colours of a sheet of material."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.sheet import Colour, Outline, Sheet

FONT = cv2.FONT_HERSHEY_SIMPLEX


def fill(sheet: Sheet, points: Outline, colour: Colour) -> None:
    """Fill a polygon of across and down."""
    cv2.fillPoly(sheet.colour, [sheet.place(points)[:, None, :]], colour, cv2.LINE_AA, 4)


def stroke(
    sheet: Sheet, points: Outline, colour: Colour, width: float, *, closed: bool = False
) -> None:
    """Draw a polyline of across and down; its width is a fraction of the mask's."""
    course = sheet.place(points)[:, None, :]
    cv2.polylines(sheet.colour, [course], closed, colour, sheet.pixels(width), cv2.LINE_AA, 4)


def oval(
    sheet: Sheet, centre: NDArray[np.integer], axes: tuple[int, int], angle: float, colour: Colour
) -> None:
    """Fill an ellipse; centre and half axes in sixteenths of a pixel, the angle in degrees."""
    place = centre.tolist()
    cv2.ellipse(sheet.colour, place, axes, angle, 0, 360, colour, -1, cv2.LINE_AA, 4)


def disc(sheet: Sheet, centre: NDArray[np.integer], radius: int, colour: Colour) -> None:
    """Fill a circle; centre and radius in sixteenths of a pixel."""
    cv2.circle(sheet.colour, centre.tolist(), radius, colour, -1, cv2.LINE_AA, 4)


def text_scale(sheet: Sheet, text: str, share: float, font: int = FONT) -> float:
    """OpenCV's scale for a text whose length is a fraction of the mask's width."""
    (width, _), _ = cv2.getTextSize(text, font, 1.0, 1)
    return share * sheet.unit / width


def write(
    sheet: Sheet,
    text: str,
    start: tuple[float, float],
    scale: float,
    colour: Colour,
    font: int = FONT,
    thickness: int = 1,
) -> None:
    """Write a text, starting at a point of across and down."""
    place = (sheet.place([start])[0] // 16).tolist()
    cv2.putText(sheet.colour, text, place, font, scale, colour, thickness, cv2.LINE_AA)
