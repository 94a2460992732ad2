"""Seamless pasting: the fill's gradient with the colours of its surroundings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Hole, Image


def poisson_paste(crop: Image, fill: Image, hole: Hole, *, tolerance: float = 0.02) -> Image:
    """Paste a fill into a hole with the fill's gradient and no step at the hole's edge.

    The mismatch between crop and fill at the known pixels round the hole is continued into the hole
    by Laplace's equation, solved by conjugate gradients, and added to the fill. At the picture's
    border the mismatch has zero gradient, so holes may touch it.

    Args:
        crop: uint8 RGB `(H, W, 3)`; pixels in the hole are ignored.
        fill: uint8 RGB `(H, W, 3)`; it must extend slightly beyond the hole.
        hole: bool `(H, W)`, True = missing.
        tolerance: largest residual of the equation at any pixel, in grey levels.

    Returns:
        uint8 RGB `(H, W, 3)`, equal to the crop outside the hole; the fill itself if no pixel is
        known.

    Source: Perez, Gangnet and Blake 2003, "Poisson Image Editing".
    """
    if not hole.any():
        return crop.copy()
    if hole.all():
        return fill.copy()
    result = crop.copy()
    free = hole[..., None].astype(np.float32)
    mismatch = (crop.astype(np.float32) - fill) * (1.0 - free)
    mismatch += free * mismatch[~hole].mean(axis=0)
    smooth = harmonic(mismatch, free, tolerance)
    blended = np.clip(np.rint(fill + smooth), 0, 255).astype(np.uint8)
    result[hole] = blended[hole]
    return result


def harmonic(
    begun: NDArray[np.float32], free: NDArray[np.float32], tolerance: float
) -> NDArray[np.float32]:
    """Solve Laplace's equation by conjugate gradients where `free` is 1; the rest is fixed.

    Args:
        begun: `(H, W)` or `(H, W, C)`, the initial values.
        free: same number of dimensions, 1 or 0; one channel for all.
        tolerance: largest residual at any pixel, in the units of `begun`.
    """
    current = begun
    residual = -free * _laplacian(current)
    direction, energy = residual, float((residual**2).sum())
    # Information travels one pixel per step; few holes need more steps than this.
    for _ in range(4 * max(begun.shape)):
        if np.abs(residual).max() < tolerance:
            break
        image = free * _laplacian(direction)
        step = energy / max(float((direction * image).sum()), 1e-12)
        current = current + step * direction
        residual = residual - step * image
        before, energy = energy, float((residual**2).sum())
        direction = residual + energy / max(before, 1e-12) * direction
    return current


def _laplacian(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """Four times each pixel minus its neighbours; borders are replicated."""
    result = np.zeros_like(field)
    down, across = np.diff(field, axis=0), np.diff(field, axis=1)
    result[:-1] -= down
    result[1:] += down
    result[:, :-1] -= across
    result[:, 1:] += across
    return result
