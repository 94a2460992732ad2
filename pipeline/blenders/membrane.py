"""Spreading known values smoothly over an area: a membrane, solved coarse to fine.

A membrane is the solution of Laplace's equation with the known values as its boundary; Poisson
image editing with a mismatch as unknown is one (Perez, Gangnet and Blake 2003, "Poisson image
editing").
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def spread(values: Field, weight: Field, *, sweeps: int = 16) -> Field:
    """Spread values smoothly over the whole array, keeping them where they are known.

    Known values are averaged down a pyramid; from the top each level starts from the one above and
    is relaxed, which nearly solves Laplace's equation (cascadic multigrid, Bornemann and Deuflhard
    1996). The edges of the array are insulating: no slope across them.

    Args:
        values: `(H, W, C)` float32; ignored where `weight` is 0.
        weight: `(H, W)` float32, from 0 (unknown) to 1 (certain).
        sweeps: relaxations per level.

    Returns:
        `(H, W, C)` float32; all zero if nothing is known at all.
    """
    height, width = weight.shape
    known = weight > 0.0
    if not known.any():
        return np.zeros_like(values)
    if min(height, width) <= 2 or known.all():
        total = max(float(weight.sum()), 1e-12)
        mean = (values * weight[:, :, None]).sum(axis=(0, 1)) / total
        return np.where(known[:, :, None], values, mean).astype(np.float32)
    half_values, half_weight = _halved(values, weight)
    coarse = spread(half_values, half_weight, sweeps=sweeps)
    field = _channels(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR))
    return _relaxed(field, values, known, sweeps)


def _channels(array: NDArray[np.float32] | cv2.typing.MatLike) -> Field:
    field = np.asarray(array, np.float32)
    return field[:, :, None] if field.ndim == 2 else field


def _halved(values: Field, weight: Field) -> tuple[Field, Field]:
    """Halve the sides, weighting values by their certainty."""
    size = ((weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2)
    share = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32)
    summed = _channels(cv2.resize(values * weight[:, :, None], size, interpolation=cv2.INTER_AREA))
    mean = summed / np.maximum(share, 1e-12)[:, :, None]
    certain = np.minimum(share * 4.0, 1.0) * (share > 1e-6)
    return np.asarray(mean, np.float32), np.asarray(certain, np.float32)


def _relaxed(field: Field, values: Field, known: NDArray[np.bool_], sweeps: int) -> Field:
    """Keep the known values and set each unknown pixel to the mean of its four neighbours."""
    held = np.where(known[:, :, None], values, np.float32(0.0)).astype(np.float32)
    free = (~known)[:, :, None].astype(np.float32)
    kernel = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4.0
    field = held + field * free
    for _ in range(sweeps):
        mean = _channels(cv2.filter2D(field, -1, kernel, borderType=cv2.BORDER_REPLICATE))
        field = held + mean * free
    return field
