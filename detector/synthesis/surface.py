"""The surface of a mask over a face: the material coordinates of each pixel.

The material coordinates are `across`, -1 at the image-left side, 0 at the nose and 1 at the right,
and `down`, 0 at the upper edge and 1 at the lower.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.canvas import Canvas
from detector.synthesis.outline import MaskOutline, Points

_RULINGS = 57
_BEYOND = 6
_COARSE = 4


@dataclass(frozen=True)
class Surface:
    """The material coordinates and coarse shape of a mask on a canvas.

    Attributes:
        across: float32 canvas map, -1 to 1 inside the mask.
        down: float32 canvas map, 0 to 1 inside the mask.
        relief: float32 canvas map of the coarse shape's height towards the camera, in canvas
            pixels.
        coverage: float32 canvas map, 1 inside the mask's body and 0 outside.
        width: the mask's width in canvas pixels.
    """

    across: NDArray[np.float32]
    down: NDArray[np.float32]
    relief: NDArray[np.float32]
    coverage: NDArray[np.float32]
    width: float


def span_surface(
    canvas: Canvas,
    outline: MaskOutline,
    contour: Points,
    landmarks: Points,
    turn: float,
    depth: float,
    ridge: float,
) -> Surface:
    """Span a surface between the two edges of a mask.

    It is a ruled surface with straight lines from the upper to the lower edge; each pixel's line
    and its position on it have a closed form. Turning the head moves the bulging centre of the
    material sideways.

    Args:
        canvas: where to draw.
        outline: upper and lower edge, in pixels of the picture.
        contour: the closed outline `(K, 2)` of the mask's body, in pixels of the picture.
        landmarks: iBUG points `(68, 2)`, x y in pixels of the picture.
        turn: the head's turn, -1 to 1.
        depth: how far the mask bulges, as a fraction of its width.
        ridge: how far the nose lifts it, as a fraction of its width.
    """
    right = outline.top[-1] - outline.top[0]
    right = right / max(float(np.linalg.norm(right)), 1e-6)
    top = _halves(outline.top, landmarks[27], landmarks[30], right)
    bottom = _halves(outline.bottom, landmarks[33], landmarks[8], right)
    top, bottom = _extend(top), _extend(bottom)
    x, y = canvas.pixels(_COARSE)
    along = bottom - top
    length = np.maximum(np.square(along).sum(axis=1), 1e-6)
    flat_x, flat_y = x.ravel(), y.ravel()
    top32, along32 = top.astype(np.float32), along.astype(np.float32)
    side = (flat_x[None] - top32[:, :1]) * along32[:, 1:] - (flat_y[None] - top32[:, 1:]) * along32[
        :, :1
    ]
    side /= np.sqrt(length).astype(np.float32)[:, None]
    index = np.clip((side > 0).sum(axis=0) - 1, 0, len(top) - 2)
    here, there = (np.take_along_axis(side, (index + offset)[None], 0)[0] for offset in (0, 1))
    fraction = np.clip(here / np.where(np.abs(here - there) < 1e-6, 1e-6, here - there), -1.0, 2.0)
    ruling_top = top32[index] + fraction[:, None] * (top32[index + 1] - top32[index])
    ruling = along32[index] + fraction[:, None] * (along32[index + 1] - along32[index])
    offset_x, offset_y = flat_x - ruling_top[:, 0], flat_y - ruling_top[:, 1]
    down = (offset_x * ruling[:, 0] + offset_y * ruling[:, 1]) / np.maximum(
        np.square(ruling).sum(axis=1), 1e-6
    )
    position = (index + fraction - _BEYOND) / (_RULINGS - 1)
    across = (2.0 * position - 1.0).reshape(x.shape)
    down = np.clip(down, -0.3, 1.3).reshape(x.shape)

    across = np.asarray(cv2.GaussianBlur(across.astype(np.float32), (0, 0), 1.0), np.float32)
    bulging = np.clip(1.0 - np.square(across), 0.0, 1.0) * np.clip(
        4.0 * down * (1.0 - down), 0.0, 1.0
    )
    across = across - np.float32(0.35 * turn) * bulging
    inner = np.clip(across, -1.08, 1.08)
    material = np.arcsin(0.86 * inner) / np.float32(np.arcsin(0.86))
    relief = swell(inner, down, depth, ridge)
    smoothing = max(0.8, 0.03 * outline.width * canvas.scale / _COARSE)
    relief = np.asarray(cv2.GaussianBlur(relief, (0, 0), smoothing), np.float32)

    width = outline.width * canvas.scale
    coverage = np.zeros(canvas.shape, np.uint8)
    fixed = np.rint(canvas.place(contour) * 16.0).astype(np.int32)
    cv2.fillPoly(coverage, [fixed[:, None, :]], 255, lineType=cv2.LINE_AA, shift=4)
    return Surface(
        across=canvas.enlarge(material.astype(np.float32), _COARSE),
        down=canvas.enlarge(down.astype(np.float32), _COARSE),
        relief=canvas.enlarge(relief, _COARSE) * np.float32(width),
        coverage=coverage.astype(np.float32) / np.float32(255.0),
        width=width,
    )


def swell(
    across: NDArray[np.float32], down: NDArray[np.float32], depth: float, ridge: float
) -> NDArray[np.float32]:
    """Height of a worn mask towards the camera, as a fraction of its width.

    Args:
        across: -1 to 1 from side to side.
        down: 0 to 1 from edge to edge.
        depth: how far the mask bulges.
        ridge: how far the nose lifts it.
    """
    profile = np.interp(
        down, [-0.3, 0.0, 0.25, 0.55, 0.85, 1.0, 1.3], [0.35, 0.7, 0.95, 1.0, 0.8, 0.45, 0.0]
    )
    dome = np.sqrt(np.clip(1.0 - np.square(0.9 * across), 0.0, 1.0))
    nose = np.exp(-np.square(across / 0.3)) * np.interp(down, [0.0, 0.35, 0.65], [0.6, 1.0, 0.0])
    return (depth * dome * profile + ridge * nose).astype(np.float32)


def _halves(edge: Points, start: Points, end: Points, right: Points) -> Points:
    """Resample an edge so that its middle sample lies on the face's line from `start` to `end`.

    Within each half the samples are spaced mostly by their progress along `right`, so that lines
    between two edges resampled alike do not cross.
    """
    direction = end - start
    side = (edge[:, 0] - start[0]) * direction[1] - (edge[:, 1] - start[1]) * direction[0]
    crossing = np.flatnonzero(np.diff(np.sign(side)) != 0)
    middle = float(crossing[len(crossing) // 2]) + 0.5 if len(crossing) else (len(edge) - 1) / 2.0
    middle = float(np.clip(middle, 0.12 * len(edge), 0.88 * (len(edge) - 1)))
    number = np.arange(len(edge))
    steps = np.diff(edge, axis=0)
    measure = np.abs(steps @ right) + 0.15 * np.linalg.norm(steps, axis=1)
    walked = np.concatenate([[0.0], np.cumsum(np.maximum(measure, 1e-6))])
    centre = float(np.interp(middle, number, walked))
    half = _RULINGS // 2
    goals = np.concatenate(
        [np.linspace(0.0, centre, half + 1)[:-1], np.linspace(centre, walked[-1], half + 1)]
    )
    at = np.interp(goals, walked, number)
    return np.stack([np.interp(at, number, edge[:, axis]) for axis in (0, 1)], axis=1)


def _extend(edge: Points) -> Points:
    """Extrapolate an edge linearly past both ends."""
    steps = np.arange(1, _BEYOND + 1)[:, None]
    before = edge[0] - steps[::-1] * (edge[3] - edge[0]) / 3.0
    after = edge[-1] + steps * (edge[-1] - edge[-4]) / 3.0
    return np.concatenate([before, edge, after])
