"""Grouping the regions of a picture that are pieces of one mask."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from weights.base.contracts import Mask
from weights.base.regions import MaskRegion, bounding_box, box_round

Box = tuple[int, int, int, int]


def group_regions(
    regions: Sequence[MaskRegion], *, overlap: float = 0.5, fragment: float = 0.2
) -> list[Mask]:
    """Join regions that are one mask detected twice or in pieces.

    Two regions are joined if they share more than `overlap` of the smaller, or if the smaller has
    less than `fragment` of the larger one's area and lies within a tenth of its width. Masks of two
    people cheek to cheek are of similar size and stay separate.

    Args:
        regions: regions of one picture; empty ones are ignored.
        overlap: fraction of the smaller region's area.
        fragment: fraction of the larger region's area.

    Returns:
        One bool mask `(H, W)` per group, the largest region's group first.
    """
    masks = [region.mask for region in regions]
    areas = [int(np.count_nonzero(mask)) for mask in masks]
    groups: list[tuple[Mask, int, Box]] = []
    for index in sorted(range(len(masks)), key=lambda i: -areas[i]):
        box = bounding_box(masks[index])
        if box is None:
            continue
        for place, (mask, area, other) in enumerate(groups):
            if _is_piece(masks[index], areas[index], box, mask, area, other, overlap, fragment):
                joined = mask | masks[index]
                groups[place] = (joined, int(np.count_nonzero(joined)), box_round(box, other))
                break
        else:
            groups.append((masks[index], areas[index], box))
    return [mask for mask, _, _ in groups]


def _is_piece(
    mask: Mask,
    area: int,
    box: Box,
    group: Mask,
    group_area: int,
    group_box: Box,
    overlap: float,
    fragment: float,
) -> bool:
    near = 0.1 * (group_box[2] - group_box[0])
    apart = max(
        box[0] - group_box[2], group_box[0] - box[2], box[1] - group_box[3], group_box[1] - box[3]
    )
    if apart > near:
        return False
    window = (slice(box[1], box[3]), slice(box[0], box[2]))
    if np.count_nonzero(mask[window] & group[window]) > overlap * area:
        return True
    if area >= fragment * group_area:
        return False
    pad = int(np.ceil(near)) + 1
    rows = slice(max(0, box[1] - pad), box[3] + pad)
    columns = slice(max(0, box[0] - pad), box[2] + pad)
    if not group[rows, columns].any():
        return False
    distance = cv2.distanceTransform((~group[rows, columns]).view(np.uint8), cv2.DIST_L2, 3)
    return bool(distance[mask[rows, columns]].min() <= near)
