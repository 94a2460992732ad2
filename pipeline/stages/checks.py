"""Checks of what stages return, so that a stage's mistake is reported where it happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weights.base.contracts import Hole, Image
from weights.base.errors import InputError
from weights.base.regions import MaskRegion


def _name(kind: str, stage: Any) -> str:
    own = repr(stage)
    if own.startswith(kind + " "):
        return f"The {own}"
    return f"The {kind} {type(stage).__name__!r}"


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
    who, what = _name("detector", stage), "a list of MaskRegion per picture"
    fit = "MaskRegion.from_mask(mask) makes one of a bool mask (H, W), such as scores > 0.5"
    if not isinstance(found, list | tuple) or len(found) != len(images):
        raise InputError(
            f"{who} must return a list with one entry per picture, {len(images)} here, "
            f"but returned {_described(found)}."
        )
    checked = []
    for image, regions in zip(images, found, strict=True):
        if not isinstance(regions, list | tuple):
            raise InputError(
                f"{who} must return {what}, but one entry is {_described(regions)}: {fit}."
            )
        for region in regions:
            if not isinstance(region, MaskRegion):
                raise InputError(
                    f"{who} must return {what}, but one item is {_described(region)}: {fit}."
                )
            if region.mask.shape != image.shape[:2]:
                raise InputError(
                    f"{who} must return masks of the picture's height and width "
                    f"{image.shape[:2]}, but one mask has the shape {region.mask.shape}."
                )
        checked.append(list(regions))
    return checked


def check_holes(stage: Any, holes: Any, image: Image) -> list[Hole]:
    """Return the refiner's answer as a list of holes of the picture's size.

    Raises:
        InputError: it is something else; the message names the refiner and what was returned.
    """
    who = _name("refiner", stage)
    if not isinstance(holes, list | tuple):
        raise InputError(f"{who} must return a list of holes, but returned {_described(holes)}.")
    for hole in holes:
        if not _is_array(hole, np.bool_, image.shape[:2]):
            raise InputError(
                f"{who} must return bool holes of the picture's height and width "
                f"{image.shape[:2]}, but one is {_described(hole)}."
            )
    return list(holes)


def check_fills(stage: Any, fills: Any, crops: Sequence[Image]) -> list[Image]:
    """Return the inpainter's answer as one uint8 picture per crop, of the crop's size.

    Raises:
        InputError: it is something else; the message names the inpainter and what was returned.
    """
    who = _name("inpainter", stage)
    if not isinstance(fills, list | tuple) or len(fills) != len(crops):
        raise InputError(
            f"{who} must return a list with one picture per crop, {len(crops)} here, "
            f"but returned {_described(fills)}."
        )
    for fill, crop in zip(fills, crops, strict=True):
        if not _is_array(fill, np.uint8, crop.shape):
            raise InputError(
                f"{who} must return a uint8 RGB picture of the crop's shape {crop.shape}, "
                f"but one is {_described(fill)}."
            )
    return list(fills)


def check_blend(stage: Any, blended: Any, image: Image) -> Image:
    """Return the blender's answer as a uint8 picture of the input's size.

    Raises:
        InputError: it is something else; the message names the blender and what was returned.
    """
    if not _is_array(blended, np.uint8, image.shape):
        raise InputError(
            f"{_name('blender', stage)} must return a uint8 RGB picture of shape {image.shape}, "
            f"but returned {_described(blended)}."
        )
    return blended
