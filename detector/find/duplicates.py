"""Removes duplicate regions of the same mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from weights.base.regions import MaskRegion, bounding_box

if TYPE_CHECKING:
    from collections.abc import Sequence


def overlap(first: MaskRegion, second: MaskRegion) -> tuple[float, float]:
    """Intersection over union of two masks, and intersection over the smaller one's area.

    Both are 0 if a mask is empty.
    """
    boxes = bounding_box(first.mask), bounding_box(second.mask)
    if boxes[0] is None or boxes[1] is None:
        return 0.0, 0.0
    x0, y0 = max(boxes[0][0], boxes[1][0]), max(boxes[0][1], boxes[1][1])
    x1, y1 = min(boxes[0][2], boxes[1][2]), min(boxes[0][3], boxes[1][3])
    if x0 >= x1 or y0 >= y1:
        return 0.0, 0.0
    window = np.s_[y0:y1, x0:x1]
    shared = int(np.count_nonzero(first.mask[window] & second.mask[window]))
    areas = first.area, second.area
    return shared / (sum(areas) - shared), shared / min(areas)


def drop_duplicates(
    regions: Sequence[MaskRegion], iou: float = 0.5, containment: float = 0.8
) -> list[MaskRegion]:
    """Keep the highest-scoring of several regions on one mask.

    Args:
        regions: of one picture.
        iou: minimum intersection over union of duplicates.
        containment: minimum fraction of the smaller region inside the larger, likewise.

    Returns:
        The kept regions by descending score.
    """
    kept: list[MaskRegion] = []
    for region in sorted(regions, key=lambda candidate: -candidate.score):
        overlaps = (overlap(region, other) for other in kept)
        if not any(union >= iou or inside >= containment for union, inside in overlaps):
            kept.append(region)
    return kept
