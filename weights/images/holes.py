"""Reading the user's own hole: a mask picture or an array."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from weights.base.contracts import Hole
from weights.base.errors import InputError
from weights.images.orientation import turn_upright
from weights.images.picture import Picture, PictureSource
from weights.images.reading import MAX_PIXELS, read_image


def read_hole(
    source: PictureSource,
    size: tuple[int, int] | Picture,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Hole:
    """Read a hole: bool `(H, W)`, True where the picture will be filled.

    Args:
        source: bool array `(H, W)`; uint8 array `(H, W)`, `(H, W, 3)` or `(H, W, 4)`; float array
            `(H, W)`, 0 to 1; or a mask picture as path, bytes or PIL image of any mode. True, above
            0.5 or, as grey, brighter than 127 means fill; transparent means keep.
        size: height and width of the upright picture; or the picture itself: then a mask for a PIL
            image with an EXIF orientation may be oriented like that image.
        name: what error messages call the mask; by default the path, or "the mask".
        max_pixels: largest width times height of a mask file.

    Raises:
        InputError: the mask cannot be read, has another size, or holds floats outside 0 to 1 or
            only the bytes 0 and 1 (which are ambiguous).
    """
    path = f" {os.fspath(source)}" if isinstance(source, str | os.PathLike) else ""
    called = name or f"the mask{path}"
    if isinstance(source, np.ndarray):
        hole = _array_to_hole(np.asarray(source), called)
    elif isinstance(source, str | os.PathLike | bytes | bytearray | memoryview | PIL.Image.Image):
        hole = _image_to_hole(read_image(source, called, max_pixels), called)
    else:
        raise InputError(
            "A mask must be a bool or uint8 array, a path, bytes or a PIL image, "
            f"but got {type(source).__name__}."
        )
    height, width = size.size if isinstance(size, Picture) else size
    if isinstance(size, Picture) and size.orientation != 1:
        lying = (width, height) if size.orientation >= 5 else (height, width)
        if hole.shape == lying:
            hole = np.ascontiguousarray(turn_upright(hole, size.orientation))
    if hole.shape != (height, width):
        raise InputError(
            f"{called} is {hole.shape[1]} x {hole.shape[0]} pixels (width x height), "
            f"but the picture is {width} x {height}."
        )
    return hole


def _array_to_hole(array: NDArray[Any], name: str) -> Hole:
    if array.dtype == np.bool_ and array.ndim == 2:
        return array.copy()
    if array.dtype.kind == "f" and array.ndim == 2:
        return _likelier(array, name)
    if array.dtype != np.uint8:
        whole = array.dtype.kind in "iu"
        advice = ": pass mask > 0 or mask > 127, whichever is meant" if whole else ""
        raise InputError(
            f"{name} must be a bool array (H, W), a uint8 array or a float array (H, W) of 0 to 1, "
            f"but is {array.dtype} of shape {array.shape}{advice}."
        )
    if array.ndim == 2:
        return _brighter(array, name)
    if array.ndim == 3 and array.shape[2] in (3, 4) and array.size:
        return _image_to_hole(PIL.Image.fromarray(np.ascontiguousarray(array)), name)
    raise InputError(
        f"{name} must have the shape (H, W), (H, W, 3) or (H, W, 4), but has {array.shape}."
    )


def _image_to_hole(image: PIL.Image.Image, name: str) -> Hole:
    mode = image.mode
    if mode == "1":
        return np.array(image, dtype=np.bool_)
    if mode.startswith("I"):
        return np.asarray(np.asarray(image) > 32767)
    if mode == "F":
        return _likelier(np.asarray(image), name)
    if "transparency" in image.info or mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
        return _brighter(np.where(alpha > 127, np.asarray(image.convert("L")), np.uint8(0)), name)
    try:
        grey = image if mode == "L" else image.convert("RGB").convert("L")
    except ValueError as error:
        raise InputError(f"{name} has the mode {mode!r}, which cannot be read as grey.") from error
    return _brighter(np.asarray(grey), name)


def _likelier(values: NDArray[Any], name: str) -> Hole:
    # Written so that NaN fails the check.
    if values.size and not (values.min() >= 0.0 and values.max() <= 1.0):
        raise InputError(
            f"{name} holds floats from {values.min():g} to {values.max():g}, but they must be from "
            "0 to 1: pass mask > 0.5, or whatever threshold is right."
        )
    return np.asarray(values > 0.5)


def _brighter(grey: NDArray[np.uint8], name: str) -> Hole:
    if grey.size and grey.max() == 1:
        raise InputError(
            f"{name} holds only the values 0 and 1, but 255 means fill: pass mask.astype(bool)."
        )
    return np.asarray(grey > 127)
