"""Which missing pixels belong to which face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from weights.base.regions import bounding_box, box_round

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.refiners.grouping import Box
    from weights.base.contracts import Hole
    from weights.base.regions import MaskRegion
    from weights.images import Picture

MOST_GROUPS = 64
"""A hole of more pieces than this is grouped more coarsely: that many pieces are noise."""


def holes_of(mask: Any, size: tuple[int, int] | Picture) -> list[Hole]:
    """The faces' holes given by a user: a list is taken as it is, a single mask is split.

    Args:
        mask: anything `weights.images.read_hole` takes, or a list of such.
        size: height and width of the upright picture, or the picture itself.

    Raises:
        InputError: a mask cannot be read or has another size.
    """
    from weights.images import read_hole

    if isinstance(mask, list | tuple):
        return separate_holes([read_hole(one, size) for one in mask])
    return split_hole(read_hole(mask, size))


def separate_holes(holes: Sequence[Hole], duplicate: float = 0.5) -> list[Hole]:
    """Make the holes of one picture disjoint, so that each pixel is filled only once.

    Two holes that share more than `duplicate` of the smaller belong to one face and are joined.
    Otherwise shared pixels go to the first of the two. Empty holes are dropped.

    Args:
        holes: bool `(H, W)`, all of one size.
        duplicate: fraction of the smaller hole's area, 0 to 1.
    """
    joined: list[tuple[Hole, Box]] = []
    for hole in holes:
        current, box = hole, bounding_box(hole)
        if box is None:
            continue
        for index in reversed(range(len(joined))):
            other, other_box = joined[index]
            window = _common(box, other_box)
            if window is None:
                continue
            shared = int(np.count_nonzero(other[window] & current[window]))
            smaller = min(int(np.count_nonzero(other)), int(np.count_nonzero(current)))
            if shared > duplicate * smaller:
                joined.pop(index)
                current = other | current
                box = box_round(box, other_box)
        joined.append((current, box))
    disjoint: list[tuple[Hole, Box]] = []
    for hole, box in joined:
        own = hole
        for other, other_box in disjoint:
            window = _common(box, other_box)
            if window is not None and (own[window] & other[window]).any():
                own = own.copy() if own is hole else own
                own[window] &= ~other[window]
        if own.any():
            disjoint.append((own, box))
    return [hole for hole, _ in disjoint]


def masks_of_each(
    regions: Sequence[MaskRegion], holes: Sequence[Hole]
) -> tuple[list[tuple[MaskRegion, ...]], list[MaskRegion]]:
    """For each hole the regions that overlap it most, and the regions that overlap no hole.

    Args:
        regions: of one picture.
        holes: bool `(H, W)`, its faces' holes.
    """
    boxes = [bounding_box(hole) for hole in holes]
    masks: list[list[MaskRegion]] = [[] for _ in holes]
    untouched: list[MaskRegion] = []
    for region in regions:
        own = bounding_box(region.mask)
        shared = [0] * len(holes)
        for index, (hole, box) in enumerate(zip(holes, boxes, strict=True)):
            window = _common(own, box) if own is not None and box is not None else None
            if window is not None:
                shared[index] = int(np.count_nonzero(region.mask[window] & hole[window]))
        most = max(shared, default=0)
        (masks[shared.index(most)] if most else untouched).append(region)
    return list(map(tuple, masks)), untouched


def _common(first: Box, second: Box) -> tuple[slice, slice] | None:
    """Rows and columns that two boxes x0, y0, x1, y1 share; None if they share none."""
    x0, y0 = max(first[0], second[0]), max(first[1], second[1])
    x1, y1 = min(first[2], second[2]), min(first[3], second[3])
    return (slice(y0, y1), slice(x0, x1)) if x0 < x1 and y0 < y1 else None


def split_hole(hole: Hole, gap: float = 0.25) -> list[Hole]:
    """Split a user's hole into one hole per face; together they are the hole, pixel for pixel.

    Connected pieces belong to one face, and so do pieces whose boxes are closer together than `gap`
    times the larger one's longer side, such as a mask and the bits of its straps.

    Args:
        hole: bool `(H, W)`; an empty one gives no face.
        gap: fraction of the larger piece's extent.

    Examples:
        >>> import numpy as np
        >>> hole = np.zeros((64, 64), bool)
        >>> hole[20:30, 4:14] = hole[20:30, 50:60] = True
        >>> [int(one.sum()) for one in split_hole(hole)]
        [100, 100]
    """
    if not hole.any():
        return []
    # Pieces are found on a coarse grid, so that brush specks a few pixels apart are one piece.
    cell = max(1, min(hole.shape) // 64)
    height, width = hole.shape
    padded = np.pad(hole.view(np.uint8), ((0, -height % cell), (0, -width % cell)))
    cells = padded.reshape(-1, cell, padded.shape[1] // cell, cell).max(axis=(1, 3))
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(cells, connectivity=8)
    boxes = statistics[1:, :4].astype(np.int64)
    boxes[:, 2:] += boxes[:, :2]
    group = _grouped(boxes, gap)
    while group.max() >= MOST_GROUPS:
        gap = max(2.0 * gap, 0.25)
        group = _grouped(boxes, gap)
    if group.max() == 0:
        return [hole]
    of_cell = np.concatenate([[-1], group])[labels]
    return [
        hole & (of_cell == index).repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]
        for index in range(int(group.max()) + 1)
    ]


def _grouped(boxes: NDArray[np.int64], gap: float) -> NDArray[np.int64]:
    """The group of each box `(N, 4)`, x0 y0 x1 y1, numbered from 0 in the order of the boxes."""
    group = np.arange(len(boxes))
    while True:
        count = int(group.max()) + 1
        low = np.full((count, 2), np.iinfo(np.int64).max)
        high = np.full((count, 2), np.iinfo(np.int64).min)
        np.minimum.at(low, group, boxes[:, :2])
        np.maximum.at(high, group, boxes[:, 2:])
        apart = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
        extent = (high - low).max(axis=1)
        near = apart <= gap * np.maximum(extent[:, None], extent[None])
        # Each group takes the lowest number among its neighbours, until nothing changes.
        first = np.arange(count)
        while True:
            spread = np.where(near, first[None], count).min(axis=1)
            if np.array_equal(spread, first):
                break
            first = spread
        if np.array_equal(first, np.arange(count)):
            return np.asarray(group, np.int64)
        _, renumbered = np.unique(first, return_inverse=True)
        group = renumbered[group]
