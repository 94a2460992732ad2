"""Drapes a mask's cloth over a face in three dimensions.

A generic face is rotated and scaled to fit the 68 landmarks. The cloth is a grid of points in front
of it: it rests on nose, cheeks and chin, spans the hollows between them, and follows the head's
pose. Points of the generic face are in millimetres from the nose bridge (landmark 27): x to the
image's right, y down, z towards the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator, RBFInterpolator

from detector.synthesis.canvas import Canvas
from detector.synthesis.material import Material
from detector.synthesis.outline import MaskOutline, Points, Worn
from detector.synthesis.surface import Surface
from detector.synthesis.thin_plate import thin_plate

_MIDDLE = {
    8: (0, 117, -4),
    27: (0, 0, 0),
    28: (0, 12, 8),
    30: (0, 37, 22),
    33: (0, 50, 10),
    51: (0, 62, 8),
    57: (0, 81, 5),
}
_SIDES = {
    (0, 16): (70, 5, -85),
    (2, 14): (67, 42, -72),
    (4, 12): (58, 77, -50),
    (6, 10): (34, 105, -18),
    (31, 35): (16, 45, 3),
    (36, 45): (44, 3, -24),
    (39, 42): (19, 5, -17),
    (48, 54): (27, 66, -8),
}
"""Landmarks of the generic face: those on the midline, and pairs at image left and right."""

_CHEEKS_AND_NECK = ((48, 35, -32), (42, 60, -28), (0, 128, -34), (30, 120, -42))
"""Further points of its surface, on one side or the midline."""

_AXIS = -85.0
"""Depth of the vertical axis of the surface's cylindrical coordinates, in millimetres: between the
ears."""

_ROWS, _COLUMNS, _BEYOND = 22, 40, 2
"""Cells of the grid from edge to edge, and beyond each edge."""

_COARSE = 4


class _Fit(NamedTuple):
    """Where a mask is worn, in millimetres of the generic face; ranges to sample from."""

    bridge: tuple[float, float]
    chin: tuple[float, float]
    corners: tuple[float, float]


_FITS: dict[Worn, _Fit] = {
    "full": _Fit((2.0, 28.0), (117.0, 128.0), (20.0, 48.0)),
    "under-nose": _Fit((47.0, 60.0), (117.0, 130.0), (42.0, 60.0)),
    "chin": _Fit((84.0, 100.0), (120.0, 134.0), (66.0, 82.0)),
}


@dataclass(frozen=True)
class Drape:
    """A worn mask as a grid of points on the picture, extending slightly past its edges.

    Attributes:
        places: `(R, C, 2)`, x y in pixels of the picture.
        height: `(R, C)` towards the camera, in pixels of the picture.
        across: `(R, C)` material coordinate, -1 at the image-left edge to 1.
        down: `(R, C)` material coordinate, 0 at the upper edge to 1.
    """

    places: Points
    height: NDArray[np.float64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]

    @property
    def outline(self) -> MaskOutline:
        """Upper and lower edge."""
        inner = self.places[_BEYOND:-_BEYOND, _BEYOND:-_BEYOND]
        return MaskOutline("cloth", inner[0], inner[-1])

    def surface(self, canvas: Canvas) -> Surface:
        """Render the visible cloth to the pixels of a canvas."""
        placed = canvas.place(self.places.reshape(-1, 2)).reshape(self.places.shape)
        seen = _faces_camera(placed)
        x, y = canvas.pixels(_COARSE)
        corners = np.zeros(self.across.shape, bool)
        for rows, columns in ((0, 0), (0, 1), (1, 0), (1, 1)):
            corners[rows : rows + seen.shape[0], columns : columns + seen.shape[1]] |= seen
        values = np.stack([self.across, self.down, self.height * canvas.scale], axis=-1)[corners]
        maps = LinearNDInterpolator(self.places[corners], values, fill_value=0.0)(x, y)
        across, down, relief = (
            canvas.enlarge(np.ascontiguousarray(plane, np.float32), _COARSE)
            for plane in np.moveaxis(maps, -1, 0)
        )
        cells = np.rint(16.0 * placed).astype(np.int32)
        cells = np.stack([cells[:-1, :-1], cells[:-1, 1:], cells[1:, 1:], cells[1:, :-1]], axis=2)
        inner = np.s_[_BEYOND:-_BEYOND, _BEYOND:-_BEYOND]
        coverage = np.zeros(canvas.shape, np.uint8)
        for cell in cells[inner][seen[inner]]:
            cv2.fillConvexPoly(coverage, cell, 255, cv2.LINE_8, 4)
        smooth = cv2.GaussianBlur(coverage, (0, 0), 0.7).astype(np.float32) / np.float32(255.0)
        return Surface(across, down, relief, smooth, self.outline.width * canvas.scale)


def drape_mask(
    landmarks: Points, material: Material, random: np.random.Generator, worn: Worn
) -> Drape:
    """Drape a mask's cloth over a face, with a slightly random fit.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.
        material: of the mask; a deeper one stands farther off the face.
        random: random generator.
        worn: "full" over the nose, or slid down to "under-nose" or to the "chin".
    """
    fit = _FITS[worn]
    step_u, step_v = 2.0 / _COLUMNS, 1.0 / _ROWS
    u = (np.arange(-_BEYOND, _COLUMNS + _BEYOND + 1) * step_u - 1.0)[None, :]
    v = (np.arange(-_BEYOND, _ROWS + _BEYOND + 1) * step_v)[:, None]
    bridge, chin, corner = (random.uniform(*span) for span in fit)
    side = random.uniform(0.38, 0.75) * (chin - corner)
    inward = np.clip(1.0 - np.abs(u), 0.0, None)
    peak = inward ** random.uniform(0.7, 1.6)
    top = corner + (bridge - corner) * peak + random.uniform(0.0, 5.0) * np.sin(np.pi * inward)
    round_chin = 1.0 - np.abs(u) ** random.uniform(1.5, 2.6)
    bottom = corner + side + (chin - corner - side) * round_chin
    bottom = bottom + random.normal(0.0, 1.5) * np.sin(2.0 * np.pi * u + random.uniform(0.0, 6.3))
    y = top + v * (bottom - top)
    reach = np.radians(random.uniform(46.0, 78.0)) * (
        1.0 + random.normal(0.02, 0.04) * 4.0 * v * (1.0 - v) + random.normal(0.0, 0.04) * v
    )
    theta = reach * u + np.radians(random.normal(0.0, 1.5))
    y = y + random.normal(0.0, 1.5) * u
    radius = _taut(_face_radius(theta, np.broadcast_to(y, theta.shape)))
    bulge = max(0.0, material.depth - 0.16) * random.uniform(15.0, 45.0)
    dome = np.clip(4.0 * v * (1.0 - v), 0.0, None) * np.clip(1.0 - u**2, 0.0, None)
    radius = radius + random.uniform(0.5, 3.0) + bulge * np.sqrt(dome)
    cloth = np.stack([radius * np.sin(theta), y, _AXIS + radius * np.cos(theta)], axis=-1)
    places, height = _projected(cloth.reshape(-1, 3), landmarks)
    return Drape(
        places.reshape(*theta.shape, 2),
        height.reshape(theta.shape),
        np.broadcast_to(u, theta.shape),
        np.broadcast_to(v, theta.shape),
    )


def _projected(
    points: NDArray[np.float64], landmarks: Points
) -> tuple[Points, NDArray[np.float64]]:
    """Project points `(K, 3)` of the generic face: x y in the picture `(K, 2)`, nearness `(K,)`.

    By scaled orthography (DeMenthon and Davis 1995, "Model-based object pose in 25 lines of code");
    the residuals at the landmarks warp the picture plane.
    """
    numbers, face = _generic_face()
    known = landmarks[numbers]
    centre = face.mean(axis=0)
    away, there = face - centre, known - known.mean(axis=0)
    both = np.linalg.lstsq(away, there, rcond=None)[0].T
    left, sizes, right = np.linalg.svd(both, full_matrices=False)
    axes, scale = left @ right, float(sizes.mean())

    def project(solid: NDArray[np.float64]) -> Points:
        return np.asarray(scale * (solid - centre) @ axes.T + known.mean(axis=0))

    flat = project(points)
    places = thin_plate(
        project(face), known, flat[:, 0].astype(np.float32), flat[:, 1].astype(np.float32)
    )
    return places, scale * (points - centre) @ np.cross(axes[0], axes[1])


def _faces_camera(placed: Points) -> NDArray[np.bool_]:
    """Which cells `(R - 1, C - 1)` of a grid of points `(R, C, 2)` face the camera."""
    first = placed[1:, 1:] - placed[:-1, :-1]
    second = placed[1:, :-1] - placed[:-1, 1:]
    return np.asarray(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0] > 0.0)


def _taut(radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pull each column tight: its upper concave envelope, like taut cloth."""
    rows = len(radius)
    taut = radius.copy()
    for first in range(rows):
        for last in range(first + 2, rows):
            share = (np.arange(first + 1, last) - first)[:, None] / (last - first)
            chord = radius[first] + share * (radius[last] - radius[first])
            np.maximum(taut[first + 1 : last], chord, out=taut[first + 1 : last])
    return taut


def _face_radius(theta: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of the face from its axis, in millimetres, at an angle and a height."""
    at = np.stack([60.0 * theta.ravel(), y.ravel()], axis=1)
    return np.asarray(_face_surface()(at)).reshape(theta.shape)


@lru_cache(maxsize=1)
def _face_surface() -> RBFInterpolator:
    one_side = np.array(_CHEEKS_AND_NECK, float)
    points = np.concatenate([_generic_face()[1], one_side, one_side * [-1.0, 1.0, 1.0]])
    points = np.unique(points, axis=0)
    theta = np.arctan2(points[:, 0], points[:, 2] - _AXIS)
    radius = np.hypot(points[:, 0], points[:, 2] - _AXIS)
    at = np.stack([60.0 * theta, points[:, 1]], axis=1)
    return RBFInterpolator(at, radius, kernel="thin_plate_spline", smoothing=5.0)


@lru_cache(maxsize=1)
def _generic_face() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Indices of landmarks `(K,)` and their points `(K, 3)`."""
    points = dict(_MIDDLE)
    for (left, right), (x, y, z) in _SIDES.items():
        points[left], points[right] = (-x, y, z), (x, y, z)
    return np.array(list(points), np.intp), np.array(list(points.values()), np.float64)
