"""The default refiner: cleans regions, snaps them to the picture, smooths and grows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.postprocess.guided_filter import guided_coefficients, weighted_sum
from pipeline.refiners.edge_width import edge_width
from pipeline.refiners.grouping import group_regions
from weights.base.contracts import Hole, Image, Mask, check_image, check_mask
from weights.base.errors import InputError
from weights.base.regions import MaskRegion, bounding_box

WORKING_WIDTH = 256
"""Masks wider than this are processed at this width, in pixels; then only the edge is refined at
full size."""
EDGE_VARIANCE = 1e-4
"""Variance of the picture, at values 0 to 1, below which nothing counts as an edge to snap to."""

Plane = NDArray[np.float32]
Coefficients = tuple[Plane, Plane]

_EDGE_SHARE = 0.66
"""How far past its centre an edge is covered, as a fraction of its width: all but a 20th of a
blurred mask's colour ends there."""

_WIDEST_EDGE = 0.04
"""Widest plausible edge, as a fraction of the mask's width: wider ones are folds or prints."""

_BAND = 2.0
"""Distance from an outline, in working pixels, within which the full-size picture refines it."""

_STRAP_LEVEL = 0.35
"""Least coverage of a working pixel for a strap to count: it may be thinner than a pixel."""

_WIDENED = 0.97
"""Straps count only if the mask's width without them is at most this fraction of that with them."""

_FAR = np.float32(1e6)
"""A distance larger than any picture; finite, as it is interpolated."""


_MOST = {
    "growth": 0.5,
    "least_growth": float("inf"),
    "speck": 1.0,
    "closing": 0.25,
    "smoothing": 0.25,
    "strap": 0.25,
    "snap": 0.25,
}
"""The largest value of each of the refiner's sizes."""


@dataclass(frozen=True)
class _Canvas:
    """One mask cut out of its picture and resized to the working size.

    Attributes:
        picture: the cut-out's rows and columns in the picture.
        size: height and width of the cut-out.
        coverage: how much of each working pixel the mask covers, `(h, w)` float32 0 to 1.
        straps: the same for the straps that a region marks; None if none are marked.
        scale: working pixels per picture pixel, at most 1.
        width: the mask's extent (its box's longer side) in working pixels; with straps if none are
            marked.
    """

    picture: tuple[slice, slice]
    size: tuple[int, int]
    coverage: Plane
    straps: Plane | None
    scale: float
    width: float


@dataclass(eq=False, repr=False)
class MorphologyRefiner:
    """Makes one smooth hole per face from a detector's regions.

    Pieces of one mask are joined, specks dropped, gaps closed, inner holes filled, the outline
    snapped to nearby edges of the picture and smoothed without losing area. Then it is grown by a
    margin for inexact outlines, plus the picture's own blur. All sizes are fractions of the mask's
    width (the longer side of its box, without straps), so faces of any size are treated alike.

    Args:
        growth: how far the hole extends past the edge of the mask, 0 to 0.5; past straps half as
            far.
        least_growth: least distance that the hole extends past the outline, in pixels, for small
            faces, at least 0.
        speck: pieces smaller than this fraction of the largest piece's area are dropped, 0 to 1.
        closing: gaps of up to twice this are closed, 0 to 0.25.
        smoothing: standard deviation of the blur that smooths the outline, 0 to 0.25.
        straps: keep straps, such as ear loops, but do not fill what a loop encloses; otherwise
            straps are cut off.
        strap: parts thinner than this count as straps if a region does not mark its straps, 0 to
            0.25.
        edge: whether to measure the width of the mask's edge in the picture and add it to the
            growth.
        snap: how far the outline may move to an edge of the picture, 0 to 0.25; 0 turns this off.

    Raises:
        InputError: an argument is out of range.
    """

    thread_safe: ClassVar[bool] = True

    growth: float = 0.003
    least_growth: float = 1.5
    speck: float = 0.03
    closing: float = 0.06
    smoothing: float = 0.01
    straps: bool = True
    strap: float = 0.06
    snap: float = 0.02
    edge: bool = True

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not 0.0 <= value <= most:
                raise InputError(
                    f"{name} of the refiner must be from 0 to {most}, but is {value!r}."
                )
            setattr(self, name, float(value))

    def refine(self, image: Image, regions: Sequence[MaskRegion]) -> list[Hole]:
        """Turn the regions of one picture into holes.

        Args:
            image: uint8 RGB `(H, W, 3)`.
            regions: the detections in it.

        Returns:
            One bool hole `(H, W)` per face, the largest first; empty regions give none.

        Raises:
            InputError: a region is not of the picture's size.
        """
        check_image(image)
        for region in regions:
            check_mask(region.mask, image.shape[:2], "mask of a region")
        straps = _known_straps(regions)
        holes = (self._hole(image, mask, straps) for mask in group_regions(regions))
        return [hole for hole in holes if hole is not None]

    def _hole(self, image: Image, mask: Mask, known_straps: Mask | None) -> Hole | None:
        canvas = self._canvas(mask, known_straps)
        if canvas is None:
            return None
        body, straps = self._body_and_straps(canvas)
        width = _extent(body)
        guide = self._guide(image, canvas)
        radius = round(self.snap * width)
        edges = None
        if radius >= 1:
            edges = guided_coefficients(guide, body.astype(np.float32), radius, EDGE_VARIANCE)
            body = self._snapped(guide, body, edges, radius)
        reach = self._reach(guide, body, width, canvas.scale)
        field = _distance_field(self._smooth(body, width))
        # A strap casts hardly any shadow, and the skin next to it is worth keeping.
        strap_field = _distance_field(straps.astype(np.float32)) - np.float32(reach / 2.0)
        if canvas.scale < 1.0:
            reach /= canvas.scale
            field, strap_field = (
                _enlarged(one, canvas.size) / np.float32(canvas.scale)
                for one in (field, strap_field)
            )
            if edges is not None:
                field = _sharpened(field, image[canvas.picture], edges, _BAND / canvas.scale)
        field = np.maximum(field, strap_field)
        hole: Hole = np.zeros(mask.shape, np.bool_)
        hole[canvas.picture] = field > -reach
        return hole

    def _body_and_straps(self, canvas: _Canvas) -> tuple[Mask, Mask]:
        # A mask thinner than a working pixel covers less than half of each.
        level = min(0.5, 0.5 * float(canvas.coverage.max()))
        found, width = canvas.coverage >= level, canvas.width
        if canvas.straps is not None:
            body = self._whole(found, width)
            return body, (canvas.straps >= _STRAP_LEVEL) & ~body & np.bool_(self.straps)
        body, straps = self._parts(found, width)
        own = _extent(body)
        if own < _WIDENED * width and self._tells_straps(own):
            # Straps extend far beyond the mask, but sizes are fractions of the width without them.
            body, straps = self._parts(found, own)
        return body, straps

    def _guide(self, image: Image, canvas: _Canvas) -> Plane:
        """The picture around the mask at working size, `(h, w, 3)`, 0 to 1."""
        guide = np.ascontiguousarray(image[canvas.picture])
        if canvas.scale < 1.0:
            size = canvas.coverage.shape[::-1]
            guide = np.asarray(cv2.resize(guide, size, interpolation=cv2.INTER_AREA), np.uint8)
        return guide.astype(np.float32) / np.float32(255.0)

    def _reach(self, guide: Plane, body: Mask, width: float, scale: float) -> float:
        """How far past the outline the hole extends, in working pixels."""
        reach = self.growth * width
        if self.edge:
            widest = _WIDEST_EDGE * width
            measured = edge_width(guide, body, max(2, round(widest)))
            reach += _EDGE_SHARE * min(measured or 0.0, widest)
        return max(reach, self.least_growth * scale)

    def _snapped(self, guide: Plane, body: Mask, edges: Coefficients, radius: int) -> Mask:
        """Move the body's outline to nearby edges of the picture."""
        filtered = weighted_sum(guide, edges[0]) + edges[1]
        # Trust the detector deep inside and far outside: a print on a mask is not an outline.
        depth = cv2.distanceTransform(body.view(np.uint8), cv2.DIST_L2, 3)
        beyond = cv2.distanceTransform((~body).view(np.uint8), cv2.DIST_L2, 3)
        snapped = np.where((depth > radius) | (beyond > radius), body, filtered >= 0.5)
        return _filled(_without_specks(snapped, self.speck)) if snapped.any() else body

    def _canvas(self, mask: Mask, known_straps: Mask | None) -> _Canvas | None:
        box = bounding_box(mask)
        if box is None:
            return None
        straps = None if known_straps is None else mask & known_straps
        body = mask if straps is None else mask & ~straps
        extent = _extent(body)
        if extent == 0.0:
            return None
        reach = max((self.growth + _EDGE_SHARE * _WIDEST_EDGE) * extent, self.least_growth)
        pad = 4 + int(np.ceil(reach + (self.closing + 3.0 * self.smoothing) * extent))
        picture = (
            slice(max(0, box[1] - pad), min(mask.shape[0], box[3] + pad)),
            slice(max(0, box[0] - pad), min(mask.shape[1], box[2] + pad)),
        )
        scale = min(1.0, WORKING_WIDTH / extent)
        return _Canvas(
            picture,
            mask[picture].shape,
            _coverage(body[picture], scale),
            None if straps is None else _coverage(straps[picture], scale),
            scale,
            extent * scale,
        )

    def _parts(self, mask: Mask, width: float) -> tuple[Mask, Mask]:
        """The mask's body without specks, gaps and holes, and its straps."""
        mask = _without_specks(mask, self.speck)
        closed = self._closed(mask, width)
        half = self.strap * width / 2.0
        core = _without_specks(_eroded(closed, half), self.speck)
        if not self._tells_straps(width) or not core.any():
            return _filled(closed), np.zeros_like(closed)
        # Dilating a little more than the erosion took restores rounded corners, but no strap.
        body = _filled(closed & _dilated(core, 1.5 * half + 1.0))
        straps = _touching(mask & ~body, body) if self.straps else np.zeros_like(body)
        return body, straps

    def _whole(self, mask: Mask, width: float) -> Mask:
        """A mask without specks, gaps and holes."""
        return _filled(self._closed(_without_specks(mask, self.speck), width))

    def _closed(self, mask: Mask, width: float) -> Mask:
        return _eroded(_dilated(mask, self.closing * width), self.closing * width) | mask

    def _tells_straps(self, width: float) -> bool:
        """Whether straps are thick enough, three pixels, to tell from a mask's rounded corners."""
        return self.strap * width >= 3.0

    def _smooth(self, body: Mask, width: float) -> Plane:
        """Blur the body, keeping at least its area inside the half level."""
        deviation = self.smoothing * width
        solid = body.astype(np.float32)
        if deviation < 0.3:
            return solid
        blurred = np.asarray(
            cv2.GaussianBlur(solid, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE), np.float32
        )
        lost = np.count_nonzero(body) - np.count_nonzero(blurred >= 0.5)
        if lost <= 0:
            return blurred
        level = float(np.partition(blurred[(blurred > 0.0) & (blurred < 0.5)], -lost)[-lost])
        return np.asarray(blurred + (0.5 - level), np.float32)


def _known_straps(regions: Sequence[MaskRegion]) -> Mask | None:
    """Straps of all regions, without any region's body; None if a region does not mark them."""
    straps = [region.straps for region in regions if region.straps is not None]
    if not straps or len(straps) < len(regions):
        return None
    bodies = np.logical_or.reduce([region.body for region in regions])
    return np.asarray(np.logical_or.reduce(straps) & ~bodies, np.bool_)


def _coverage(mask: Mask, scale: float) -> Plane:
    """How much of each pixel a mask covers once it is scaled down, 0 to 1."""
    covered = mask.astype(np.uint8) * np.uint8(255)
    if scale < 1.0:
        size = tuple(max(1, round(side * scale)) for side in mask.shape[::-1])
        covered = np.asarray(cv2.resize(covered, size, interpolation=cv2.INTER_AREA), np.uint8)
    return covered.astype(np.float32) / np.float32(255.0)


def _extent(mask: Mask) -> float:
    """The longer side of the box around a mask, in pixels; 0 for an empty mask."""
    x0, y0, x1, y1 = bounding_box(mask) or (0, 0, 0, 0)
    return float(max(x1 - x0, y1 - y0))


def _distance_field(level: Plane) -> Plane:
    """Signed distance in pixels to where `level` crosses one half; positive inside."""
    inside = (level >= 0.5).astype(np.uint8)
    if not inside.any():
        return np.full(level.shape, -_FAR, np.float32)
    if inside.all():
        return np.full(level.shape, _FAR, np.float32)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    # The crossing lies half a pixel from the last centre on either side.
    return np.asarray(np.where(inside > 0, within - 0.5, 0.5 - beyond), np.float32)


def _enlarged(plane: Plane, size: tuple[int, ...]) -> Plane:
    """A plane, or planes `(h, w, C)`, enlarged to another height and width."""
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _sharpened(field: Plane, picture: Image, edges: Coefficients, band: float) -> Plane:
    """Refine an outline by the full-size picture's edges near it.

    Args:
        field: signed distance to the outline in pixels `(H, W)`.
        picture: uint8 RGB `(H, W, 3)`.
        edges: coefficients of the guided filter, at working size.
        band: largest distance to the outline, in pixels.
    """
    slope, offset = (_enlarged(one, field.shape) for one in edges)
    level = weighted_sum(picture, slope) / np.float32(255.0) + offset
    return _distance_field(np.where(np.abs(field) <= band, level, field + np.float32(0.5)))


def _dilated(mask: Mask, radius: float) -> Mask:
    """Dilate by a disc, using the distance transform, whose cost does not depend on the radius."""
    if radius < 0.5 or not mask.any():
        return mask
    distance = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(distance <= radius, np.bool_)


def _eroded(mask: Mask, radius: float) -> Mask:
    """Erode by a disc; the mask is assumed to continue past the frame."""
    if radius < 0.5 or mask.all():
        return mask
    distance = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(distance > radius, np.bool_)


def _without_specks(mask: Mask, share: float) -> Mask:
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    if count <= 2:
        return mask
    areas = statistics[:, cv2.CC_STAT_AREA]
    kept = areas >= share * areas[1:].max()
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


def _touching(parts: Mask, body: Mask) -> Mask:
    """The connected parts that touch the body."""
    _, labels = cv2.connectedComponents((parts | body).view(np.uint8))
    reached = np.zeros(int(labels.max()) + 1, np.bool_)
    reached[np.unique(labels[body])] = True
    return np.asarray(reached[labels] & parts, np.bool_)


def _filled(mask: Mask) -> Mask:
    """Fill what the mask fully encloses; a bay that is open to the frame stays."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    return canvas.view(np.bool_)
