"""The base of all classical methods: one picture at a time, and trivial holes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from weights.base.contracts import Hole, Image, check_image, check_mask
from weights.base.errors import InputError

MID_GREY = 127
"""Fill value of a picture without any known pixel."""


def check_crops(crops: Sequence[Image], holes: Sequence[Hole]) -> None:
    """Reject crops and holes that do not match.

    Raises:
        InputError: the lists differ in length, or a crop or a hole is malformed.
    """
    if len(crops) != len(holes):
        raise InputError(
            f"Completion needs one hole per crop, but got {len(crops)} crops and "
            f"{len(holes)} holes."
        )
    for crop, hole in zip(crops, holes, strict=True):
        check_mask(hole, check_image(crop, "crop").shape[:2], "hole")


class SinglePictureInpainter(ABC):
    """Fills crops one by one; known pixels stay unchanged."""

    def complete(self, crops: Sequence[Image], holes: Sequence[Hole]) -> list[Image]:
        """Fill each crop's hole.

        Args:
            crops: uint8 RGB `(H, W, 3)` of any sizes; pixels in the hole are ignored.
            holes: one bool `(H, W)` per crop, True = missing. With an empty hole, the crop is
                returned; a hole over the whole crop is filled with mid grey.

        Returns:
            New arrays, one per crop.

        Raises:
            InputError: the lists differ in length, or a crop or a hole is malformed.
        """
        check_crops(crops, holes)
        return [self._complete(crop, hole) for crop, hole in zip(crops, holes, strict=True)]

    def _complete(self, crop: Image, hole: Hole) -> Image:
        result = crop.copy()
        if not hole.any():
            return result
        if hole.all():
            result[:] = MID_GREY
            return result
        blank = crop.copy()
        blank[hole] = 0
        result[hole] = self.fill(blank, hole)[hole]
        return result

    @abstractmethod
    def fill(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole that is neither empty nor covers the whole crop.

        Args:
            crop: uint8 RGB `(H, W, 3)`, black inside the hole.
            hole: bool `(H, W)`.

        Returns:
            uint8 RGB `(H, W, 3)`, of which only the hole's pixels are used.
        """
