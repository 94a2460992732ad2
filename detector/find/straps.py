"""Straps of a mask: which of those found hang on it, and which faint ones are straps at all."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image, Mask
from weights.base.regions import bounding_box

_GAP: Final = 0.04
"""Maximum gap between a strap and its mask, as a fraction of the mask's extent."""

_LONGEST_GAP: Final = 0.25
"""The same for a faint strap that points at its mask."""

_TOUCHING: Final = 1.5
"""Distance in pixels up to which a strap touches its mask."""

_SHORTEST: Final = 0.07
"""Minimum length of a faint strap, as a fraction of the mask's extent."""

_SLIMMEST: Final = 3.0
"""Minimum ratio of its length to its width."""

_WIDEST: Final = 0.12
"""Its maximum width, as a fraction of the mask's extent."""

_BEND: Final = 0.12
"""Maximum standard deviation of its pixels from a straight line, as a fraction of its length."""

_SIDE: Final = 0.1
"""Part of the mask's width at each side into which it must reach: glasses stay above the mask."""

_STANDING_OUT: Final = 0.6
"""Fraction of its length on which it must stand out."""

_CONTRAST: Final = 8.0
"""Minimum difference in lightness between it and what lies on both sides of it, in grey levels."""


def with_straps(mask: Mask, straps: Mask, faint: Mask | None = None) -> Mask:
    """Add to a mask the straps attached to it.

    A strap is thin, and its beginning may be missed: one that ends close by is joined with a
    bridge.

    Args:
        mask: bool `(H, W)`.
        straps: bool `(H, W)`, ear loops and strings of this mask and possibly others.
        faint: the same for what may be a strap: it must reach beyond the mask's sides, and continue
            a strap or point at the mask.
    """
    own, both = bounding_box(mask), bounding_box(mask | straps)
    if own is None or both is None:
        return mask
    extent = max(own[2] - own[0], own[3] - own[1])
    reach = max(2.0, _GAP * extent)
    pad = int(np.ceil(reach)) + 1
    window = (
        slice(max(0, both[1] - pad), both[3] + pad),
        slice(max(0, both[0] - pad), both[2] + pad),
    )
    body, thin = mask[window], straps[window] & ~mask[window]
    beyond = _distance_to(body)
    count, numbered = cv2.connectedComponents(thin.view(np.uint8), connectivity=8)
    gaps = np.full(count, np.inf)
    np.minimum.at(gaps, numbered[thin].astype(np.intp), beyond[thin])
    joined = mask.copy()
    # Distances are between pixel centres: adjacent pixels have 1.
    for number in np.flatnonzero(gaps <= reach + 1.0):
        strap = numbered == number
        joined[window] |= strap
        if gaps[number] > _TOUCHING:
            # Only the shortest connection, and none of the skin next to it.
            joined[window] |= beyond + _distance_to(strap) <= gaps[number] + 1.0
    return joined if faint is None else _with_faint(mask, joined, faint)


def _with_faint(mask: Mask, joined: Mask, faint: Mask) -> Mask:
    """Add faint straps to a mask `joined` with others."""
    own, both = bounding_box(mask), bounding_box(joined | faint)
    assert own is not None and both is not None
    across = own[2] - own[0]
    longest = _LONGEST_GAP * max(across, own[3] - own[1])
    middle = own[0] + _SIDE * across - both[0], own[2] - _SIDE * across - both[0]
    window = slice(both[1], both[3]), slice(both[0], both[2])
    body, seen = mask[window], joined[window].copy()
    count, numbered = cv2.connectedComponents(faint[window].view(np.uint8), connectivity=8)
    for number in range(1, count):
        strap = numbered == number
        columns = np.flatnonzero(strap.any(axis=0))
        if columns[0] >= middle[0] and columns[-1] < middle[1]:
            continue
        if (strap & joined[window] & ~body).any():
            seen |= strap
        elif (bridge := _straight_bridge(strap & ~body, body, longest)) is not None:
            seen |= strap | bridge
    whole = joined.copy()
    whole[window] = seen
    return whole


def strap_like(faint: Mask, image: Image, mask: Mask) -> Mask:
    """Keep the regions that look like straps: long, thin, and lighter or darker than both sides.

    Args:
        faint: bool `(H, W)`, where straps may be.
        image: uint8 RGB `(H, W, 3)`.
        mask: bool `(H, W)`, the mask to whose size they are compared.
    """
    kept = np.zeros_like(faint)
    own, box = bounding_box(mask), bounding_box(faint)
    if own is None or box is None:
        return kept
    extent = max(own[2] - own[0], own[3] - own[1])
    x0, y0, x1, y1 = box
    count, numbered = cv2.connectedComponents(faint[y0:y1, x0:x1].view(np.uint8), connectivity=8)
    lightness = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)
    for number in range(1, count):
        pixels = numbered == number
        strand = _Strand.of(np.argwhere(pixels)[:, ::-1] + (x0, y0))
        if strand.is_thin(extent) and _stands_out(strand, lightness):
            kept[y0:y1, x0:x1] |= pixels
    return kept


class _Strand(NamedTuple):
    """A region as a straight line of some width.

    Attributes:
        points: pixels of the region, x y `(N, 2)`, sorted along the line.
        axis: unit vector `(2,)` along it.
        length: in pixels.
        width: mean width, in pixels.
        bend: standard deviation of the pixels across the line, without that due to the width.
    """

    points: NDArray[np.float64]
    axis: NDArray[np.float64]
    length: float
    width: float
    bend: float

    @classmethod
    def of(cls, points: NDArray[np.integer]) -> _Strand:
        """Fit a line to the pixels of a region, x y `(N, 2)`."""
        centred = points - points.mean(axis=0)
        axis = np.linalg.svd(centred, full_matrices=False)[2][0]
        along = centred @ axis
        across = centred @ (-axis[1], axis[0])
        length = float(np.ptp(along)) + 1.0
        width = len(points) / length
        bend = float(np.sqrt(max(0.0, across.var() - width**2 / 12)))
        order = np.argsort(along)
        return cls(points[order].astype(np.float64), axis, length, width, bend)

    def is_thin(self, extent: float) -> bool:
        """Whether it is long and thin enough for a strap of a mask of this extent."""
        return (
            self.length >= _SHORTEST * extent
            and self.width <= _WIDEST * extent
            and self.length >= _SLIMMEST * self.width
            and self.bend <= _BEND * self.length
        )


def _stands_out(strand: _Strand, lightness: NDArray[np.float32]) -> bool:
    """Whether a strand is lighter than both its sides along most of its length, or darker."""
    # Centres of the region across its axis, so that a bent strand is followed.
    pieces = np.array_split(strand.points, max(3, round(strand.length / 2)))
    centres = np.array([piece.mean(axis=0) for piece in pieces if len(piece)])
    aside = (strand.width + 2.0) * np.array([-strand.axis[1], strand.axis[0]])
    places = np.stack([centres, centres + aside, centres - aside]).astype(np.float32)
    middle, left, right = cv2.remap(
        lightness,
        places[..., 0],
        places[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    differences = np.stack([middle - left, middle - right])
    lighter = differences.min(axis=0) >= _CONTRAST
    darker = differences.max(axis=0) <= -_CONTRAST
    return bool(max(lighter.mean(), darker.mean()) >= _STANDING_OUT)


def _straight_bridge(strap: Mask, body: Mask, longest: float) -> Mask | None:
    """Continue a strap straight on to a mask; None if it does not point at it."""
    points = np.argwhere(strap)[:, ::-1]
    if len(points) < 2:
        return None
    strand = _Strand.of(points)
    height, width = body.shape
    ends = (strand.points, -strand.axis), (strand.points[::-1], strand.axis)
    for ordered, direction in ends:
        start = ordered[: len(ordered) // 20 + 1].mean(axis=0)
        steps = np.arange(1.0, longest + 1.0)[:, None]
        x, y = np.rint(start + steps * direction).astype(int).T
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        hits = np.flatnonzero(body[y[inside], x[inside]])
        if len(hits):
            end = np.rint(start + (hits[0] + 1.0) * direction).astype(int)
            canvas = np.zeros(body.shape, np.uint8)
            thickness = max(1, round(strand.width))
            cv2.line(canvas, np.rint(start).astype(int).tolist(), end.tolist(), 1, thickness)
            return canvas.astype(bool)
    return None


def _distance_to(mask: Mask) -> NDArray[np.float32]:
    distance = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(distance, np.float32)
