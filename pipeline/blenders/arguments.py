"""The check that every blender begins with."""

from __future__ import annotations

from weights.base.contracts import Image, Mask, check_image, check_mask
from weights.base.errors import InputError


def check_blend_arguments(image: Image, fill: Image, hole: Mask) -> None:
    """Check that picture, fill and hole have the same size.

    Raises:
        InputError: they have not; the message says what was given.
    """
    check_image(image)
    check_image(fill, "fill")
    check_mask(hole, image.shape[:2], "hole")
    if fill.shape != image.shape:
        raise InputError(
            f"fill must have the picture's height and width {image.shape[:2]}, "
            f"but has {fill.shape[:2]}."
        )
