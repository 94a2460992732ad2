"""A photo of a face and its landmarks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image


class FacePhoto(NamedTuple):
    """A photo of a face without a mask.

    Attributes:
        image: uint8 RGB `(H, W, 3)`.
        points: its iBUG points `(68, 2)`, x y in pixels.
    """

    image: Image
    points: NDArray[np.float64]
