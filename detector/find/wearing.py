"""How a mask is worn: one pulled down under the chin hides no mouth that a fill could bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from weights.landmarks import GROUPS, FaceFrame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weights.base.contracts import Image
    from weights.base.regions import MaskRegion
    from weights.landmarks import FoundFace

_SIDE = 1.8
"""Side of the square that is looked at, as a share of the mask's extent."""

_LIFTS = (0.1, 0.45)
"""How far above the mask's middle its face may be looked for, as shares of its extent."""

_LEAST_FACE = 0.5
"""How likely the points must be a face's: of somebody turned away nothing can be said."""

_LEAST_MOUTH = 0.15
"""Share of the mouth's points that a mask over the mouth hides at least."""


class FindsLandmarks(Protocol):
    """What is needed of a `weights.landmarks.LandmarkFinder`."""

    def find_near(self, image: Image, frame: FaceFrame) -> FoundFace:
        """Find the landmarks of the face that a frame shows roughly."""


def without_low_masks(
    image: Image, regions: Sequence[MaskRegion], finder: FindsLandmarks
) -> list[MaskRegion]:
    """Leave out masks that are worn under the chin, `(H, W, 3)` being the picture they are on."""
    return [region for region in regions if not is_worn_low(image, region, finder)]


def is_worn_low(image: Image, region: MaskRegion, finder: FindsLandmarks) -> bool:
    """Say whether a mask leaves the mouth free; False where no face is seen.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        region: the mask on it.
        finder: finds the face's points, hidden ones too.
    """
    x0, y0, x1, y1 = region.box
    extent = max(x1 - x0, y1 - y0)
    surest: FoundFace | None = None
    for lift in _LIFTS:
        frame = FaceFrame((x0 + x1) / 2.0, (y0 + y1) / 2.0 - lift * extent, _SIDE * extent)
        face = finder.find_near(image, frame)
        if face.face >= _LEAST_FACE and _hidden_mouth(region, face) >= _LEAST_MOUTH:
            return False
        if surest is None or face.face > surest.face:
            surest = face
    assert surest is not None
    return surest.face >= _LEAST_FACE


def _hidden_mouth(region: MaskRegion, face: FoundFace) -> float:
    """The share of the mouth's points that lie under the mask."""
    height, width = region.mask.shape
    columns, rows = np.rint(face.points[list(GROUPS["mouth"])]).astype(int).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return float(region.mask[rows[inside], columns[inside]].sum() / len(inside))
