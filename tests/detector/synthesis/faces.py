"""A face for tests of the mask drawing: scikit-image's astronaut and its landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.data import astronaut

if TYPE_CHECKING:
    from numpy.typing import NDArray

# fmt: off
_POINTS = [
    179, 104, 179, 116, 180, 127, 181, 139, 185, 151, 191, 160, 200, 169, 209, 176, 221, 178,
    232, 177, 243, 171, 253, 164, 260, 154, 265, 144, 268, 132, 270, 120, 272, 108, 186, 94,
    192, 88, 200, 87, 208, 89, 216, 92, 236, 93, 244, 91, 252, 91, 260, 92, 265, 98, 225, 103,
    225, 111, 225, 119, 225, 127, 214, 131, 219, 132, 224, 134, 229, 133, 234, 132, 195, 101,
    200, 98, 207, 98, 212, 104, 206, 104, 199, 104, 238, 105, 244, 101, 250, 101, 255, 104,
    250, 107, 244, 106, 201, 140, 209, 139, 218, 139, 223, 141, 229, 140, 237, 140, 245, 141,
    237, 151, 229, 155, 222, 156, 216, 155, 208, 150, 204, 141, 217, 143, 223, 144, 229, 143,
    243, 142, 229, 150, 223, 150, 217, 150,
]
# fmt: on


def astronaut_face() -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A crop of the astronaut's head, uint8 RGB (200, 200, 3), and its landmarks (68, 2)."""
    origin = np.array([125, 20])
    picture = np.ascontiguousarray(astronaut()[20:220, 125:325])
    return picture, np.array(_POINTS, np.float64).reshape(68, 2) - origin
