"""Outlines of holes as truncated signed distances on a canvas that moves with the face.

On such a canvas a face stands still, so averaging the outlines of several frames does not lag
behind the motion. Distances are truncated beyond a narrow band, so that a single wrong outline is
outvoted and does not pull the others.

Source: Curless and Levoy 1996, "A volumetric method for building complex models from range images".
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.video.similarity import Matrix, bounds, inverse, scale_of, scaling_and_shift
from weights.base.contracts import Hole
from weights.base.regions import bounding_box

Field = NDArray[np.float32]
"""Signed distance to an outline `(SIDE, SIDE)`, in canvas widths, positive inside; nan beyond the
picture's frame, where it is unknown."""

SIDE = 192
"""Cells along a side of the canvas."""
BAND = 0.03
"""Distance at which it is truncated, as a fraction of the canvas's width."""


def outline_field(hole: Hole, pose: Matrix) -> Field:
    """Map a hole onto the canvas.

    Args:
        hole: bool `(H, W)` with at least one True pixel.
        pose: maps pixels of the picture to the canvas, whose sides go from 0 to 1.
    """
    scale = scale_of(pose)
    box = bounding_box(hole)
    if box is None:
        return np.full((SIDE, SIDE), -BAND, np.float32)
    pad = int(np.ceil(BAND / scale)) + 2
    left, top = max(0, box[0] - pad), max(0, box[1] - pad)
    part = hole[top : box[3] + pad, left : box[2] + pad].astype(np.uint8)
    inside = cv2.distanceTransform(part, cv2.DIST_L2, 5) - 0.5
    outside = cv2.distanceTransform(1 - part, cv2.DIST_L2, 5) - 0.5
    distance = np.where(part > 0, inside, -outside) * scale
    field: Field = np.array(
        cv2.warpAffine(
            np.clip(distance, -BAND, BAND).astype(np.float32),
            _to_cells(pose, left, top)[:2],
            (SIDE, SIDE),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )
    _beyond(field, _to_cells(pose, left, top), part.shape, -BAND)
    _beyond(field, _to_cells(pose, 0, 0), hole.shape, np.nan)
    return field


def mean_field(fields: Sequence[Field], weights: Sequence[float]) -> Field:
    """Average fields of one canvas; where all are unknown is outside."""
    total: Field = np.zeros((SIDE, SIDE), np.float32)
    weight: Field = np.zeros((SIDE, SIDE), np.float32)
    for field, own in zip(fields, weights, strict=True):
        known = np.isfinite(field)
        total += np.where(known, field, 0.0) * np.float32(own)
        weight += known * np.float32(own)
    return np.where(weight > 0.0, total / np.maximum(weight, 1e-9), -BAND).astype(np.float32)


def hole_of_field(field: Field, pose: Matrix, size: tuple[int, int]) -> Hole:
    """Map the hole of a field back to a picture of a height and width."""
    hole: Hole = np.zeros(size, np.bool_)
    positive = bounding_box(field > 0.0)
    if positive is None:
        return hole
    back = inverse(pose)
    x0, y0, x1, y1 = (value / SIDE for value in positive)
    box = bounds(back, x0, y0, x1, y1)
    left, top = max(0, int(box[0]) - 2), max(0, int(box[1]) - 2)
    right, bottom = min(size[1], int(box[2]) + 3), min(size[0], int(box[3]) + 3)
    if right <= left or bottom <= top:
        return hole
    distance = cv2.warpAffine(
        np.nan_to_num(field, nan=-BAND),
        _to_cells(pose, left, top)[:2],
        (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=-BAND,
    )
    hole[top:bottom, left:right] = distance > 0.0
    return hole


def moved_field(field: Field, move: Matrix) -> Field:
    """Map a field onto another canvas; `move` maps points of the old one to the new."""
    cells = scaling_and_shift(SIDE, -0.5, -0.5)
    matrix = cells @ move @ inverse(cells)
    known = np.isfinite(field).astype(np.float32)
    values, share = (
        cv2.warpAffine(plane, matrix[:2], (SIDE, SIDE), borderValue=border)
        for plane, border in ((np.nan_to_num(field, nan=-BAND), -BAND), (known, 1.0))
    )
    scaled = np.clip(np.asarray(values) * scale_of(move), -BAND, BAND)
    return np.where(np.asarray(share) >= 0.5, scaled, np.nan).astype(np.float32)


def _to_cells(pose: Matrix, left: int, top: int) -> Matrix:
    """Transform from pixel centres of a part of the picture to cell centres of the canvas."""
    centre = scaling_and_shift(1.0, left + 0.5, top + 0.5)
    return scaling_and_shift(SIDE, -0.5, -0.5) @ pose @ centre


def _beyond(field: Field, to_cells: Matrix, size: tuple[int, ...], value: float) -> None:
    """Set the cells outside a part of the picture, of a height and width, to a value."""
    columns, rows = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    back = inverse(to_cells)
    x = back[0, 0] * columns + back[0, 1] * rows + back[0, 2]
    y = back[1, 0] * columns + back[1, 1] * rows + back[1, 2]
    inside = (x >= -0.5) & (x <= size[1] - 0.5) & (y >= -0.5) & (y <= size[0] - 0.5)
    field[~inside] = value
