"""Brush strokes: polylines of constant width with round joints."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def draw_stroke(canvas: NDArray[np.uint8], vertices: NDArray[np.float64], width: float) -> None:
    """Draw a stroke of ones on a canvas, in place.

    Args:
        canvas: `(H, W)`.
        vertices: the joints `(K, 2)`, x y in pixels; they may lie outside the canvas.
        width: width of the brush in pixels, at least 1.
    """
    fixed = np.rint(vertices * 16.0).astype(np.int32)
    breadth = max(1, round(width))
    cv2.polylines(canvas, [fixed[:, None, :]], False, 1, breadth, cv2.LINE_8, 4)
    radius = max(0, round((breadth - 1) / 2.0 * 16.0))
    for x, y in fixed.tolist():
        cv2.circle(canvas, (x, y), radius, 1, -1, cv2.LINE_8, 4)


def zigzag(
    size: tuple[int, int],
    vertices: int,
    mean_length: float,
    random: np.random.Generator,
    mean_angle: float = 2.0 * np.pi / 5.0,
    angle_spread: float = 2.0 * np.pi / 15.0,
) -> NDArray[np.float64]:
    """Generate a zigzag path like DeepFill v2's brush, with random segment lengths.

    Args:
        size: height and width of the picture.
        vertices: number of segments.
        mean_length: mean length of a segment in pixels; its standard deviation is half of that.
        random: random generator.
        mean_angle: direction of the segments in radians, alternately to either side.
        angle_spread: maximum deviation from it.

    Returns:
        The joints `(vertices + 1, 2)`, x y in pixels, all inside the picture.

    Source: Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution", algorithm 1.
    """
    height, width = size
    lowest = mean_angle - random.uniform(0.0, angle_spread)
    highest = mean_angle + random.uniform(0.0, angle_spread)
    angles = random.uniform(lowest, highest, vertices)
    angles[::2] = 2.0 * np.pi - angles[::2]
    lengths = np.clip(
        random.normal(mean_length, mean_length / 2.0, vertices), 0.0, 2.0 * mean_length
    )
    limit = np.array([width - 1.0, height - 1.0])
    path = np.empty((vertices + 1, 2))
    path[0] = random.uniform(0.0, 1.0, 2) * limit
    for index in range(vertices):
        step = lengths[index] * np.array([np.cos(angles[index]), np.sin(angles[index])])
        path[index + 1] = np.clip(path[index] + step, 0.0, limit)
    return path
