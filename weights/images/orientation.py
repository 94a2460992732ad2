"""The eight EXIF orientations, on arrays.

Source: Exif 2.32 (CIPA DC-008), tag 0x0112.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import PIL.Image
    from numpy.typing import NDArray

_Value = TypeVar("_Value", bound=np.generic)

ORIENTATION_TAG = 0x0112
_INVERSE = {6: 8, 8: 6}


def turn_upright(array: NDArray[_Value], orientation: int) -> NDArray[_Value]:
    """Turn stored pixels `(H, W, ...)` as EXIF orientation 1 to 8 asks; others change nothing."""
    if orientation == 2:
        return array[:, ::-1]
    if orientation == 3:
        return array[::-1, ::-1]
    if orientation == 4:
        return array[::-1]
    if orientation == 5:
        return array.swapaxes(0, 1)
    if orientation == 6:
        return np.rot90(array, -1)
    if orientation == 7:
        return array[::-1, ::-1].swapaxes(0, 1)
    if orientation == 8:
        return np.rot90(array)
    return array


def turn_back(array: NDArray[_Value], orientation: int) -> NDArray[_Value]:
    """Undo `turn_upright`."""
    return turn_upright(array, _INVERSE.get(orientation, orientation))


def read_orientation(image: PIL.Image.Image) -> int:
    """Return the EXIF orientation of an image, 1 where there is none or it makes no sense."""
    try:
        value: Any = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # a damaged EXIF block makes Pillow raise errors of many kinds
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
