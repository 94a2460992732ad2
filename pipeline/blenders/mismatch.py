"""Measuring how far a fill's colours are off at the edge of its hole.

The picture is never read inside the hole: the mask is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inpainter.data.framing import missing_box
from pipeline.blenders.membrane import Field, spread
from weights.base.contracts import Image, Mask

Window = tuple[slice, slice]
"""Rows and columns of a picture."""


def hole_window(hole: Mask, margin: float) -> tuple[Window, float]:
    """The rows and columns around a hole that matter for its edge.

    Args:
        hole: bool `(H, W)` with at least one True pixel.
        margin: what is added on each side, as a fraction of the hole's extent.

    Returns:
        The window, clipped to the picture's frame, and the hole's extent: the square root of its
        area, in pixels.
    """
    top, bottom, left, right = missing_box(hole)
    extent = float(np.sqrt(np.count_nonzero(hole[top:bottom, left:right])))
    pad = 4 + int(np.ceil(margin * extent))
    rows = slice(max(0, top - pad), min(hole.shape[0], bottom + pad))
    return (rows, slice(max(0, left - pad), min(hole.shape[1], right + pad))), extent


@dataclass(frozen=True)
class _Reduced:
    """Picture and fill on a coarse grid, never mixed across the hole's edge."""

    share: Field
    """Fraction of each cell that is hole, `(h, w)`, 0 to 1."""
    around: Field
    """The picture outside the hole `(h, w, 3)`."""
    made_around: Field
    """The fill outside the hole."""
    made: Field
    """The fill inside the hole."""


def _reduced(image: Image, fill: Image, hole: Mask, size: tuple[int, int]) -> _Reduced:
    inside = hole.astype(np.float32)
    outside = 1.0 - inside

    def mean(values: Image, weight: Field, share: Field) -> Field:
        weighted = values * weight[:, :, None]
        if size != hole.shape:
            weighted = np.asarray(
                cv2.resize(weighted, size[::-1], interpolation=cv2.INTER_AREA), np.float32
            )
        return np.asarray(weighted / np.maximum(share, 1e-6)[:, :, None], np.float32)

    share = inside
    if size != hole.shape:
        share = np.asarray(cv2.resize(inside, size[::-1], interpolation=cv2.INTER_AREA), np.float32)
        # A sliver of a cell has no reliable colour, and rounding must not create one.
        share = np.where(share < 0.01, 0.0, np.where(share > 0.99, 1.0, share)).astype(np.float32)
    return _Reduced(
        share,
        mean(image, outside, 1.0 - share),
        mean(fill, outside, 1.0 - share),
        mean(fill, inside, share),
    )


def shifted(
    image: Image,
    fill: Image,
    hole: Mask,
    *,
    band: float,
    average: float,
    reach: float | None,
    resolution: int,
) -> Image:
    """Shift a fill's colours so that they match the picture at its hole's edge.

    If the fill was generated outside the hole too, it is compared with the picture there. If it
    equals the picture there, the picture just outside is compared with the fill just inside. Where
    the two disagree far more than along the rest of the edge, the scene has an edge, which gets
    little weight. The mismatch is spread inwards as a membrane.

    Args:
        image: uint8 RGB `(H, W, 3)`, cut to the hole's surroundings.
        fill: likewise.
        hole: bool `(H, W)`.
        band: width of the bands compared on either side of the edge, in pixels.
        average: standard deviation of the averaging along the edge, in pixels.
        reach: depth in pixels at which all but the overall mismatch has faded to a third; None for
            no fading.
        resolution: largest side of the grid used for all this, in cells.

    Returns:
        The shifted fill; unchanged if the hole has no edge in the picture.
    """
    height, width = hole.shape
    scale = min(1.0, resolution / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    scale = min(size[0] / height, size[1] / width)
    reduced = _reduced(image, fill, hole, size)
    mismatch, certainty = _edge_mismatch(reduced, max(1.0, band * scale), max(0.6, average * scale))
    field = spread(mismatch, certainty)
    if reach is not None:
        core = (reduced.share > 0.5).astype(np.uint8)
        # Without an edge in the picture the depth is unbounded.
        depth = np.minimum(cv2.distanceTransform(core, cv2.DIST_L2, 3), max(height, width))
        fading = np.exp(-depth / max(reach * scale, 0.5))[:, :, None]
        overall = (mismatch * certainty[:, :, None]).sum(axis=(0, 1)) / max(certainty.sum(), 1.0)
        field = np.asarray(overall + (field - overall) * fading, np.float32)
    if size != hole.shape:
        field = np.asarray(cv2.resize(field, (width, height)), np.float32)
    return np.clip(np.rint(fill + field), 0, 255).astype(np.uint8)


def _edge_mismatch(reduced: _Reduced, band: float, average: float) -> tuple[Field, Field]:
    """The mismatch `(h, w, 3)` on the cells along the edge, and its certainty `(h, w)`."""
    share = reduced.share
    from_outside = cv2.distanceTransform((share <= 0.0).astype(np.uint8), cv2.DIST_L2, 3)
    from_inside = cv2.distanceTransform((share >= 1.0).astype(np.uint8), cv2.DIST_L2, 3)
    outer = (1.0 - share) * (from_outside <= band)
    inner = share * (from_inside <= band)
    if not outer.any() or not inner.any():
        return np.zeros_like(reduced.made), np.zeros_like(share)
    made_outside = reduced.around - reduced.made_around
    seen = outer > 0.0
    if float(np.abs(made_outside[seen]).mean()) >= 0.25:
        mismatch, certainty = _averaged(made_outside, _trusted(made_outside, outer), average)
    else:
        # Average narrowly first: a wide average would mix in the slope of the picture itself.
        near = min(average, max(0.6, band / 2.0))
        beyond, certainty_beyond = _averaged(reduced.around, outer, near)
        within, certainty_within = _averaged(reduced.made, inner, near)
        both = np.sqrt(certainty_beyond * certainty_within)
        both = np.where(share > 0.0, both, 0.0) * (from_inside <= band)
        across = beyond - within
        mismatch, certainty = _averaged(across, _trusted(across, both), average)
    rim = (share > 0.0) & (from_inside <= 1.0) & (certainty > 1e-4)
    return mismatch * rim[:, :, None], rim.astype(np.float32)


def _trusted(mismatch: Field, weight: Field) -> Field:
    """Lower the weights of outlying mismatches (Geman and McClure 1985)."""
    where = weight > 0.0
    if not where.any():
        return weight
    samples = mismatch[where]
    distance = np.linalg.norm(mismatch - np.median(samples, axis=0), axis=2)
    scale = 2.0 * float(np.median(distance[where])) + 12.0
    return np.asarray(weight / (1.0 + (distance / scale) ** 2) ** 2, np.float32)


def _averaged(values: Field, weight: Field, deviation: float) -> tuple[Field, Field]:
    """Normalised convolution (Knutsson and Westin 1993): the weighted mean, and its weight."""
    total = np.asarray(
        cv2.GaussianBlur(weight, (0, 0), deviation, borderType=cv2.BORDER_CONSTANT), np.float32
    )
    summed = cv2.GaussianBlur(
        values * weight[:, :, None], (0, 0), deviation, borderType=cv2.BORDER_CONSTANT
    )
    return np.asarray(summed / np.maximum(total, 1e-6)[:, :, None], np.float32), total
