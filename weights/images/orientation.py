"""The eight EXIF orientations, on arrays.

Source: Exif 2.32 (CIPA DC-008), tag 0x0112.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import numpy as np
import PIL.Image
from numpy.typing import NDArray

_Value = TypeVar("_Value", bound=np.generic)

ORIENTATION_TAG = 0x0112
_INVERSE = {6: 8, 8: 6}

TRANSPOSED = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""Pillow's operation that makes an image of each orientation upright."""


def turn_upright(array: NDArray[_Value], orientation: int) -> NDArray[_Value]:
    """Apply EXIF orientation 1 to 8 to stored pixels `(H, W, ...)`; other values do nothing."""
    if orientation in (2, 3, 7, 8):
        array = array[:, ::-1]
    if orientation in (3, 4, 6, 7):
        array = array[::-1]
    return array.swapaxes(0, 1) if 5 <= orientation <= 8 else array


def turn_back(array: NDArray[_Value], orientation: int) -> NDArray[_Value]:
    """Undo `turn_upright`."""
    return turn_upright(array, _INVERSE.get(orientation, orientation))


def read_orientation(image: PIL.Image.Image) -> int:
    """Return the EXIF orientation of an image, 1 if it is missing or invalid."""
    try:
        value: Any = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # a damaged EXIF block makes Pillow raise errors of many kinds
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright_xmp(packet: bytes) -> bytes:
    """Return XMP with any orientation set to 1: readers use it if there is no EXIF."""
    return re.sub(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[0-9]", rb"\g<1>1", packet)
