"""Detector labels: outlines of visible masks in the YOLO segmentation format.

Outlines are in OpenCV's coordinates: x y in pixels, whole numbers at pixel centres, so that the
frame extends from -0.5 to width - 0.5. YOLO's coordinates go from 0 to 1 over the frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Mask

Points = NDArray[np.float64]

MASK_CLASS = 0
CLASS_NAMES = {MASK_CLASS: "mask"}


def clip_polygon(polygon: Points, window: tuple[int, int, int, int]) -> Points:
    """Clip a polygon `(K, 2)` to a window (Sutherland and Hodgman 1974).

    Args:
        polygon: x y pixels.
        window: x0, y0, x1, y1 in pixels, exclusive at x1 and y1, such as `(0, 0, width, height)`.

    Returns:
        The part inside the window, `(L, 2)`; `(0, 2)` if nothing is inside.
    """
    points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    left, top, right, bottom = (edge - 0.5 for edge in window)
    for axis, limit, sign in ((0, left, 1.0), (0, right, -1.0), (1, top, 1.0), (1, bottom, -1.0)):
        if len(points) == 0:
            break
        inside = sign * (points[:, axis] - limit) >= 0.0
        kept: list[Points] = []
        for index in range(len(points)):
            previous, current = points[index - 1], points[index]
            if inside[index] != inside[index - 1]:
                share = (limit - previous[axis]) / (current[axis] - previous[axis])
                crossing = previous + share * (current - previous)
                crossing[axis] = limit
                kept.append(crossing)
            if inside[index]:
                kept.append(current)
        points = np.asarray(kept, dtype=np.float64).reshape(-1, 2)
    return points


def polygon_area(polygon: Points) -> float:
    """The area of a simple polygon `(K, 2)` in square pixels."""
    if len(polygon) < 3:
        return 0.0
    x, y = polygon[:, 0], polygon[:, 1]
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2.0)


def visible_outlines(visible: Mask, smallest_share: float = 0.15) -> list[Points]:
    """Trace the outlines of the pieces of a partly hidden mask.

    Args:
        visible: bool `(H, W)`, the visible pixels of one mask.
        smallest_share: pieces with less than this fraction of the visible pixels are left out.

    Returns:
        A polygon `(K, 2)` in pixels for each piece, largest first.
    """
    contours, _ = cv2.findContours(
        visible.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    least = smallest_share * float(visible.sum())
    polygons = [contour[:, 0, :].astype(np.float64) for contour in contours if len(contour) >= 3]
    large = [polygon for polygon in polygons if polygon_area(polygon) >= least]
    return sorted(large, key=polygon_area, reverse=True)


def simplify_polygon(polygon: Points, tolerance: float = 0.25) -> Points:
    """Drop points of a polygon `(K, 2)` that are within `tolerance` pixels of the remaining line.

    Source: Douglas and Peucker 1973.
    """
    if len(polygon) < 4:
        return polygon
    kept = cv2.approxPolyDP(polygon.astype(np.float32)[:, None, :], tolerance, True)[:, 0, :]
    return kept.astype(np.float64) if len(kept) >= 3 else polygon


def yolo_lines(polygons: Sequence[Points], width: int, height: int) -> str:
    """Format polygons as YOLO segmentation labels: a line `0 x1 y1 x2 y2 ...`, 0 to 1, for each."""
    lines = []
    for polygon in polygons:
        scaled = np.clip((polygon + 0.5) / np.array([width, height]), 0.0, 1.0)
        lines.append(f"{MASK_CLASS} " + " ".join(f"{value:.5f}" for value in scaled.ravel()))
    return "".join(line + "\n" for line in lines)
