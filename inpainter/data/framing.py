"""Framing faces for completion networks: a square round the hole, padded by reflection.

Training and the pipeline share this module, so that a network sees the same framing in both.
"""

from __future__ import annotations

import math
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Hole, Image
from weights.base.errors import InputError
from weights.base.regions import bounding_box

Square = tuple[int, int, int]
"""A square of a picture: left x0, top y0 and side in pixels; it may extend past the border."""

_Scalar = TypeVar("_Scalar", bound=np.generic)


CONTEXT = 1.6
"""Side of the square over the hole's larger extent, if the picture is large enough."""

LIFT = 0.1
"""Upward shift of that square, as a fraction of its side, so that it includes the eyes."""

_BODY_SIDE = 128
"""Larger extent, in pixels, to which a hole is scaled for separating thin parts from its body."""

_THIN = 0.13
"""Maximum width of a hole's thin parts, as a fraction of its larger extent."""


def face_square(hole: Hole, *, context: float | None = None, lift: float = LIFT) -> Square:
    """Frame a hole by a square that includes the face round it.

    Args:
        hole: bool `(H, W)` with at least one True pixel.
        context: side of the square over the hole's larger extent; None for `CONTEXT`, or less in a
            tightly cropped picture, see `widest_context`.
        lift: upward shift of the square, as a fraction of its side, so that it includes the eyes.

    Raises:
        InputError: the hole is empty.

    Examples:
        >>> import numpy as np
        >>> hole = np.zeros((64, 64), bool)
        >>> hole[30:50, 20:44] = True
        >>> face_square(hole)
        (12, 16, 39)
    """
    return _square_round(missing_box(hole), hole.shape, context, lift)


def missing_box(hole: Hole) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a hole, bool `(H, W)`, ends excluded.

    Raises:
        InputError: the hole is empty.
    """
    box = bounding_box(hole)
    if box is None:
        raise InputError("Cannot frame an empty hole: at least one pixel must be missing.")
    left, top, right, bottom = box
    return top, bottom, left, right


def _square_round(
    box: tuple[int, int, int, int], shape: tuple[int, ...], context: float | None, lift: float
) -> Square:
    top, bottom, left, right = box
    extent = max(bottom - top, right - left)
    if context is None:
        context = min(CONTEXT, widest_context(extent, shape))
    side = max(16, math.ceil(context * extent))
    x0 = math.floor((left + right - side) / 2)
    y0 = math.floor((top + bottom - side) / 2 - lift * side)
    # A large lift must not push the hole's lower end out of the square.
    y0 = max(y0, bottom + max(1, side // 64) - side)
    return x0, y0, side


def body_square(hole: Hole, *, context: float | None = None, lift: float = LIFT) -> Square:
    """Frame a hole by its body, without straps, so that faces are as large as in training.

    Args:
        hole: bool `(H, W)` with at least one True pixel.
        context: as for `face_square`.
        lift: as for `face_square`.

    Returns:
        The square round the hole without its thin parts, or round the whole hole if that square
        would not contain it.

    Raises:
        InputError: the hole is empty.
    """
    top, bottom, left, right = box = missing_box(hole)
    part = hole[top:bottom, left:right].astype(np.uint8)
    scale = min(1.0, _BODY_SIDE / max(part.shape))
    small = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    shrunk = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
    width = max(1, round(_THIN * max(small)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    # Pad with known pixels, or thin parts along the box's edge would count as thick.
    opened = cv2.morphologyEx(
        shrunk, cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    body = bounding_box(cv2.resize(opened, part.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0)
    if body is not None:
        moved = body[1] + top, body[3] + top, body[0] + left, body[2] + left
        square = x0, y0, side = _square_round(moved, hole.shape, context, lift)
        if x0 < left and y0 < top and right < x0 + side and bottom < y0 + side:
            return square
    return _square_round(box, hole.shape, context, lift)


def widest_context(extent: int, shape: tuple[int, ...]) -> float:
    """Return the maximum context for a tightly cropped picture.

    Otherwise, a hole nearly as large as its picture would be framed mostly by reflections, and a
    network would see more of them than of the face.

    Args:
        extent: the hole's larger extent, pixels.
        shape: the picture's height and width.
    """
    return max(1.25, 1.15 * min(shape[:2]) / extent)


def reflected_crop(array: NDArray[_Scalar], square: Square) -> NDArray[_Scalar]:
    """Cut a square `(side, side, ...)` out of `(H, W, ...)`, reflected past the border.

    The edge pixel is not repeated. Reflection repeats as often as needed, so a picture may be
    smaller than the square, down to a single pixel.
    """
    x0, y0, side = square
    rows = _reflected(np.arange(y0, y0 + side), array.shape[0])
    columns = _reflected(np.arange(x0, x0 + side), array.shape[1])
    # In turn: indexing rows and columns at once takes eight times as long.
    return array.take(rows, axis=0).take(columns, axis=1)


def _reflected(index: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    if length == 1:
        return np.zeros_like(index)
    period = 2 * (length - 1)
    index = np.abs(index) % period
    return np.where(index < length, index, period - index)


def resize_crop(image: Image, hole: Hole, size: int) -> tuple[Image, Hole]:
    """Resize a square crop and its hole to `size` pixels a side.

    A pixel of the resized hole is True if any part of it was, so no missing pixel counts as known.
    """
    if image.shape[0] == size and image.shape[1] == size:
        return image, hole
    shrinks = image.shape[0] > size
    missing = hole.astype(np.float32)
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(
        image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    return np.asarray(resized, np.uint8), cv2.resize(
        missing, (size, size), interpolation=interpolation
    ) > 1e-3


def squared_crop(crop: Image, hole: Hole, size: int) -> tuple[Image, Hole]:
    """Resize a crop of any shape to `size` pixels a side.

    A crop that is not square is first padded by reflection, which preserves the face's proportions.
    """
    height, width = hole.shape
    if height != width:
        side = max(height, width)
        rows = ((0, side - height), (0, side - width))
        mode = "reflect" if min(height, width) > 1 else "edge"
        crop = np.pad(crop, (*rows, (0, 0)), mode=mode)  # type: ignore[call-overload]
        hole = np.pad(hole, rows, mode=mode)  # type: ignore[call-overload]
    return resize_crop(crop, hole, size)
