"""The plain arrays that travel between stages, and the checks that guard their borders.

Between stages there are only uint8 RGB pictures `(H, W, 3)` and bool holes `(H, W)`, True where
pixels are missing. Each check says what was expected and what came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from weights.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

Image: TypeAlias = NDArray[np.uint8]
"""A picture: uint8 RGB `(H, W, 3)`, values 0 to 255."""

Mask: TypeAlias = NDArray[np.bool_]
"""A yes-or-no map of a picture: bool `(H, W)`."""

Hole: TypeAlias = Mask
"""A mask whose True pixels are missing and get filled."""


@runtime_checkable
class Inpainter(Protocol):
    """Fills holes.

    One that looks at what is inside the hole, the mask itself, says so by an attribute `sees_hole`
    of its own or of its `network`.
    """

    def complete(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        """Return each crop filled: uint8 RGB of the crop's own size, crops may differ in size.

        What a crop holds inside its hole is the mask and must not show in the result. Pixels
        outside the hole may come back as the network sees them: the blender reads from them how
        far the fill's colours are off, and never lets them into the picture.
        """
        ...


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    return type(value).__name__


def check_image(image: Any, what: str = "image") -> Image:
    """Return `image` if it is a uint8 RGB array `(H, W, 3)` with at least one pixel.

    Raises:
        InputError: it is anything else; the sentence says what came.
    """
    if (
        not isinstance(image, np.ndarray)
        or image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] != 3
        or image.size == 0
    ):
        raise InputError(
            f"{what} must be a uint8 RGB array of shape (H, W, 3), but got {_describe(image)}."
        )
    return image


def check_mask(mask: Any, size: tuple[int, int] | None = None, what: str = "mask") -> Mask:
    """Return `mask` if it is a bool array `(H, W)`, of that (height, width) where one is given.

    Raises:
        InputError: it is anything else; the sentence says what came.
    """
    if (
        not isinstance(mask, np.ndarray)
        or mask.dtype != np.bool_
        or mask.ndim != 2
        or mask.size == 0
    ):
        raise InputError(f"{what} must be a bool array of shape (H, W), but got {_describe(mask)}.")
    if size is not None and mask.shape != tuple(size):
        raise InputError(
            f"{what} must have the picture's height and width {tuple(size)}, but has {mask.shape}."
        )
    return mask
