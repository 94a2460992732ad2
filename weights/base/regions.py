"""Detections: one region per mask, at the picture's own resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from weights.base.contracts import Image, Mask, check_mask
from weights.base.errors import InputError

_Number = TypeVar("_Number", int, float)


@runtime_checkable
class Detector(Protocol):
    """Detects masks."""

    def detect(self, images: Sequence[Image]) -> list[list[MaskRegion]]:
        """Return a list of regions per picture `(H, W, 3)`, in order; empty if there are none."""
        ...


@dataclass(frozen=True, eq=False)
class MaskRegion:
    """One detected mask.

    Attributes:
        mask: bool `(H, W)` at picture size, True on the mask's pixels.
        box: x0, y0, x1, y1 in pixels, x to the right and y down, exclusive at x1 and y1; a box with
            swapped sides is refused, one that extends past the picture is not.
        score: confidence from 0 to 1.
        label: name of the class.
        straps: bool `(H, W)`, which pixels of `mask` are ear loops and strings; None if the
            detector does not distinguish them.

    Raises:
        InputError: a field is invalid; the message says what was expected and what was given.
    """

    mask: Mask
    box: tuple[float, float, float, float]
    score: float = 1.0
    label: str = "mask"
    straps: Mask | None = None

    def __repr__(self) -> str:
        box = ", ".join(f"{value:.1f}" for value in self.box)
        return (
            f"MaskRegion({self.label!r}, score={self.score:.2f}, box=({box}), {self.area} pixels)"
        )

    def __post_init__(self) -> None:
        check_mask(self.mask, what="mask of a region")
        if self.straps is not None:
            check_mask(self.straps, self.mask.shape, what="straps of a region")
        try:
            box = tuple(float(value) for value in self.box)
        except (TypeError, ValueError):
            box = ()
        if len(box) != 4 or not all(map(math.isfinite, box)):
            raise InputError(
                "box of a region must be four finite numbers (x0, y0, x1, y1), but got "
                f"{self.box!r}."
            )
        if box[2] < box[0] or box[3] < box[1]:
            raise InputError(
                f"box of a region must have x0 <= x1 and y0 <= y1, but got {self.box!r}."
            )
        try:
            score = float(self.score)
        except (TypeError, ValueError):
            score = math.nan
        if not 0.0 <= score <= 1.0:
            raise InputError(f"score of a region must be from 0 to 1, but got {self.score!r}.")
        if not isinstance(self.label, str):
            raise InputError(
                f"label of a region must be a string, but got {type(self.label).__name__}."
            )
        object.__setattr__(self, "box", box)
        object.__setattr__(self, "score", score)

    @classmethod
    def from_mask(
        cls, mask: Mask, score: float = 1.0, label: str = "mask", straps: Mask | None = None
    ) -> MaskRegion:
        """Make the region of a mask `(H, W)`; its box is the tightest around the True pixels.

        Raises:
            InputError: the mask is not a bool array `(H, W)`, or has no True pixel.

        Examples:
            >>> import numpy as np
            >>> mask = np.zeros((64, 64), bool)
            >>> mask[30:50, 20:44] = True
            >>> MaskRegion.from_mask(mask, 0.9)
            MaskRegion('mask', score=0.90, box=(20.0, 30.0, 44.0, 50.0), 480 pixels)
        """
        check_mask(mask)
        box = bounding_box(mask)
        if box is None:
            raise InputError("mask of a region must have at least one True pixel, but has none.")
        return cls(mask, box, score, label, straps)

    @property
    def body(self) -> Mask:
        """The mask without its known straps, bool `(H, W)`."""
        return self.mask if self.straps is None else self.mask & ~self.straps

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture, in pixels."""
        return int(self.mask.shape[0]), int(self.mask.shape[1])

    @property
    def area(self) -> int:
        """Number of pixels in the mask."""
        return int(np.count_nonzero(self.mask))

    @property
    def width(self) -> float:
        """Width of the box, in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height of the box, in pixels."""
        return self.box[3] - self.box[1]


def bounding_box(mask: Mask) -> tuple[int, int, int, int] | None:
    """The tightest x0, y0, x1, y1 (exclusive at x1, y1) around the True pixels; None if empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def box_round(
    first: tuple[_Number, _Number, _Number, _Number],
    second: tuple[_Number, _Number, _Number, _Number],
) -> tuple[_Number, _Number, _Number, _Number]:
    """The box around two boxes, each x0, y0, x1, y1."""
    x0, y0, x1, y1 = zip(first, second, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
