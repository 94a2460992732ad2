"""Removes duplicate regions of the same mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weights.base.regions import MaskRegion


def overlap(first: MaskRegion, second: MaskRegion) -> tuple[float, float]:
    """Intersection over union of two masks, and intersection over the smaller one's area.

    Both are 0 if a mask is empty.
    """
    shared = int(np.count_nonzero(first.mask & second.mask))
    if not shared:
        return 0.0, 0.0
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
