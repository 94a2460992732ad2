"""Replacing a guessed lower face by a reference's: warped, matched in light and fused."""

from __future__ import annotations

import numpy as np

from inpainter.data.reference_map import fit_photo
from weights.base.contracts import FacePhoto, Hole, Image
from weights.landmarks.frame import Points

_RIM = 0.06
"""Width of the transition to the guessed surroundings, as a fraction of the face's extent."""


def fuse_reference(
    crop: Image, fill: Image, hole: Hole, points: Points, reference: FacePhoto
) -> Image:
    """Put a reference's face into a filled crop.

    The reference is warped to the target's landmarks by a thin-plate spline, and matched in colour
    and light to the visible skin. It replaces the fill where the face is, with a soft transition;
    hair, neck and background stay the completion network's.

    Args:
        crop: uint8 RGB `(S, S, 3)`; the inside of the hole is ignored.
        fill: likewise, filled by the completion network.
        hole: bool `(S, S)`.
        points: iBUG points `(68, 2)` of the crop's face, x y in its pixels.
        reference: the photo whose face is used.

    Returns:
        uint8 RGB `(S, S, 3)`, equal to the fill except for the face in the hole.

    Source: Perez, Gangnet and Blake 2003, "Poisson Image Editing", and see `fit_photo`.
    """
    lit, depth = fit_photo(reference, crop, hole, points)
    step = np.clip(depth / _RIM, 0.0, 1.0)
    weight = step * step * (3.0 - 2.0 * step) * hole
    mixed = fill + weight[..., None] * (lit - fill)
    result = fill.copy()
    changed = weight > 0.0
    result[changed] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)[changed]
    return result
