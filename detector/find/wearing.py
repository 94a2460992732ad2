"""How a mask is worn: one pulled down under the chin hides no mouth that a fill could bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.landmarks import GROUPS, FaceFrame, covered_by

if TYPE_CHECKING:
    from weights.base.contracts import Image
    from weights.base.regions import MaskRegion
    from weights.landmarks import FindsFaces, FoundFace

_SIDE = 1.8
"""Side of the square that is looked at, as a share of the mask's extent."""

_LIFTS = (0.1, 0.45)
"""How far above the mask's middle its face may be looked for, as shares of its extent."""

_LEAST_FACE = 0.5
"""How likely the points must be a face's: of somebody turned away nothing can be said."""

_LEAST_MOUTH = 0.15
"""Share of the mouth's points that a mask over the mouth hides at least."""


def is_worn_low(image: Image, region: MaskRegion, finder: FindsFaces) -> bool:
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
    return float(covered_by(face.points[list(GROUPS["mouth"])], region.mask).mean())
