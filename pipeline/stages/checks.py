"""Checks of what stages return, so that a stage's mistake is reported where it happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weights.base.contracts import Hole, Image
from weights.base.errors import InputError
from weights.base.regions import MaskRegion


def _wrong(kind: str, stage: Any, wanted: str, got: str) -> InputError:
    own = repr(stage)
    who = own if own.startswith(kind + " ") else f"{kind} {type(stage).__name__!r}"
    return InputError(f"The {who} must return {wanted}, but {got}.")


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"a {value.dtype} array of shape {value.shape}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return type(value).__name__


def _is_array(value: Any, kind: type, shape: tuple[int, ...]) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == kind and value.shape == shape


def check_regions(stage: Any, found: Any, images: Sequence[Image]) -> list[list[MaskRegion]]:
    """Return the detector's answer as one list of regions per picture.

    Raises:
        InputError: it is something else; the message names the detector and what was returned.
    """
    regions_wanted = "a list of MaskRegion per picture"
    fit = "MaskRegion.from_mask(mask) makes one of a bool mask (H, W), such as scores > 0.5"
    if not isinstance(found, list | tuple) or len(found) != len(images):
        wanted = f"a list with one entry per picture, {len(images)} here"
        raise _wrong("detector", stage, wanted, f"returned {_described(found)}")
    checked = []
    for image, regions in zip(images, found, strict=True):
        if not isinstance(regions, list | tuple):
            got = f"one entry is {_described(regions)}: {fit}"
            raise _wrong("detector", stage, regions_wanted, got)
        for region in regions:
            if not isinstance(region, MaskRegion):
                got = f"one item is {_described(region)}: {fit}"
                raise _wrong("detector", stage, regions_wanted, got)
            if region.mask.shape != image.shape[:2]:
                wanted = f"masks of the picture's height and width {image.shape[:2]}"
                got = f"one mask has the shape {region.mask.shape}"
                raise _wrong("detector", stage, wanted, got)
        checked.append(list(regions))
    return checked


def check_holes(stage: Any, holes: Any, image: Image) -> list[Hole]:
    """Return the refiner's answer as a list of holes of the picture's size.

    Raises:
        InputError: it is something else; the message names the refiner and what was returned.
    """
    if not isinstance(holes, list | tuple):
        raise _wrong("refiner", stage, "a list of holes", f"returned {_described(holes)}")
    for hole in holes:
        if not _is_array(hole, np.bool_, image.shape[:2]):
            wanted = f"bool holes of the picture's height and width {image.shape[:2]}"
            raise _wrong("refiner", stage, wanted, f"one is {_described(hole)}")
    return list(holes)


def check_fills(stage: Any, fills: Any, crops: Sequence[Image]) -> list[Image]:
    """Return the inpainter's answer as one uint8 picture per crop, of the crop's size.

    Raises:
        InputError: it is something else; the message names the inpainter and what was returned.
    """
    if not isinstance(fills, list | tuple) or len(fills) != len(crops):
        wanted = f"a list with one picture per crop, {len(crops)} here"
        raise _wrong("inpainter", stage, wanted, f"returned {_described(fills)}")
    for fill, crop in zip(fills, crops, strict=True):
        if not _is_array(fill, np.uint8, crop.shape):
            wanted = f"a uint8 RGB picture of the crop's shape {crop.shape}"
            raise _wrong("inpainter", stage, wanted, f"one is {_described(fill)}")
    return list(fills)


def check_blend(stage: Any, blended: Any, image: Image) -> Image:
    """Return the blender's answer as a uint8 picture of the input's size.

    Raises:
        InputError: it is something else; the message names the blender and what was returned.
    """
    if not _is_array(blended, np.uint8, image.shape):
        wanted = f"a uint8 RGB picture of shape {image.shape}"
        raise _wrong("blender", stage, wanted, f"returned {_described(blended)}")
    return blended
