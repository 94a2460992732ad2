"""Joining what a network finds in a picture at full and at half the network's size.

A network knows masks of the sizes it was trained on. A face that fills the picture is larger than
that in the full square, and about right in the half one; a second look there costs a quarter more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.duplicates import drop_duplicates, overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.regions import MaskRegion

_SAME = 0.4
"""Intersection over union from which regions of the two looks mark the same mask."""


def join_looks(
    first: Sequence[MaskRegion], second: Sequence[MaskRegion], large: float
) -> list[MaskRegion]:
    """Take small masks from the first look and large ones from the second.

    Args:
        first: regions found at the full size.
        second: regions found at half the size.
        large: length of a box's longer side, in pixels of the picture, from which the second look
            is the better one.

    Returns:
        The joined regions by falling score, each mask once.
    """
    chosen = [region for region in second if _length(region) >= large]
    for region in first:
        rivals = (overlap(region, other)[0] for other in chosen)
        if _length(region) < large or not any(rival >= _SAME for rival in rivals):
            chosen.append(region)
    return drop_duplicates(chosen)


def _length(region: MaskRegion) -> float:
    return max(region.box[2] - region.box[0], region.box[3] - region.box[1])
