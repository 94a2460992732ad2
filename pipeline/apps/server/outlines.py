"""Outlines of masks along pixel borders, so that filling them reproduces the mask."""

from __future__ import annotations

import numpy as np

from weights.base.contracts import Mask
from weights.base.regions import bounding_box

Outline = list[tuple[int, int]]
"""A closed polygon: x y of pixel corners, without repeating the first point."""

_RIGHT, _DOWN, _LEFT, _UP = range(4)
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


def mask_outlines(mask: Mask) -> list[Outline]:
    """Trace every border of a mask, including those of gaps.

    A corner (x, y) is the upper left one of the pixel in column x and row y. All outlines together,
    filled by the even-odd rule or the non-zero rule, are exactly the mask's pixels. Pixels that
    touch only at a corner belong to different outlines.

    Args:
        mask: bool `(H, W)`.

    Returns:
        Clockwise on the screen round pixels of the mask, counter-clockwise round gaps; empty for
        an empty mask.
    """
    box = bounding_box(mask)
    if box is None:
        return []
    x0, y0, x1, y1 = box
    padded = np.pad(mask[y0:y1, x0:x1].astype(np.int8), 1)
    # Edges run with the mask on their right: y points down.
    down_change, across_change = np.diff(padded, axis=0), np.diff(padded, axis=1)
    edges: dict[tuple[int, int], list[int]] = {}
    for change, direction, shift in (
        (down_change == 1, _RIGHT, (-1, 0)),
        (down_change == -1, _LEFT, (0, 0)),
        (across_change == 1, _UP, (0, 0)),
        (across_change == -1, _DOWN, (0, -1)),
    ):
        rows, columns = np.nonzero(change)
        for x, y in zip(
            (columns + shift[0] + x0).tolist(), (rows + shift[1] + y0).tolist(), strict=True
        ):
            edges.setdefault((x, y), []).append(direction)
    outlines = []
    while edges:
        start = next(iter(edges))
        outlines.append(_trace(edges, start))
    return outlines


def _trace(edges: dict[tuple[int, int], list[int]], start: tuple[int, int]) -> Outline:
    """Follow edges from a corner until the outline closes, and remove them."""
    first = direction = edges[start][0]
    corner = start
    outline = [start]
    while True:
        leaving = edges[corner]
        leaving.remove(direction)
        if not leaving:
            del edges[corner]
        corner = corner[0] + _STEPS[direction][0], corner[1] + _STEPS[direction][1]
        # Where two pixels touch at a corner, turning right stays on the same pixel.
        right = (direction + 1) % 4
        choices = edges.get(corner, [])
        if corner == start and (not choices or right == first):
            break
        following = right if right in choices else choices[0]
        if following != direction:
            outline.append(corner)
        direction = following
    if direction == first:
        outline.pop(0)
    return outline
