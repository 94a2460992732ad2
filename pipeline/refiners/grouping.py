"""Grouping the regions of a picture that are pieces of one mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from weights.base.contracts import Mask
from weights.base.regions import MaskRegion, bounding_box

Box = tuple[int, int, int, int]


class _Piece(NamedTuple):
    """A mask with its area in pixels and the box around it."""

    mask: Mask
    area: int
    box: Box

    @classmethod
    def of(cls, mask: Mask) -> _Piece:
        return cls(mask, int(np.count_nonzero(mask)), bounding_box(mask) or (0, 0, 0, 0))


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
    pieces = [_Piece.of(region.mask) for region in regions if region.mask.any()]
    groups: list[_Piece] = []
    for piece in sorted(pieces, key=lambda one: -one.area):
        for place, group in enumerate(groups):
            if _is_part(piece, group, overlap, fragment):
                groups[place] = _Piece.of(piece.mask | group.mask)
                break
        else:
            groups.append(piece)
    return [group.mask for group in groups]


def _is_part(piece: _Piece, group: _Piece, overlap: float, fragment: float) -> bool:
    near = 0.1 * (group.box[2] - group.box[0])
    x0, y0, x1, y1 = piece.box
    apart = max(x0 - group.box[2], group.box[0] - x1, y0 - group.box[3], group.box[1] - y1)
    if apart > near:
        return False
    window = (slice(y0, y1), slice(x0, x1))
    if np.count_nonzero(piece.mask[window] & group.mask[window]) > overlap * piece.area:
        return True
    if piece.area >= fragment * group.area:
        return False
    pad = int(np.ceil(near)) + 1
    around = (slice(max(0, y0 - pad), y1 + pad), slice(max(0, x0 - pad), x1 + pad))
    if not group.mask[around].any():
        return False
    distance = cv2.distanceTransform((~group.mask[around]).view(np.uint8), cv2.DIST_L2, 3)
    return bool(distance[piece.mask[around]].min() <= near)
