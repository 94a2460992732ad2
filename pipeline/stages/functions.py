"""Plain functions for one picture, dressed as stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.stages.found_regions import regions_of
from weights.base.protocols import STAGE_METHODS, StageKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weights.base.contracts import Hole, Image, Mask
    from weights.base.regions import MaskRegion


def function_name(function: Callable[..., Any]) -> str:
    """A name for messages: the function's own, or its type's."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__name__", type(inner).__name__))


class FunctionDetector:
    """A detector made of `function(image)`.

    The function returns anything that `pipeline.stages.found_regions.regions_of` knows: a mask or
    several of the picture's size, a label map, `MaskRegion`, Ultralytics' `Results`, None.
    """

    def __init__(self, function: Callable[[Image], Any]) -> None:
        self.function = function

    def __repr__(self) -> str:
        return f"detector {function_name(self.function)!r}"

    def detect(self, images: Sequence[Image]) -> list[list[MaskRegion]]:
        """Call the function once per picture `(H, W, 3)`."""
        return [regions_of(self.function(image)) for image in images]


class FunctionRefiner:
    """A refiner made of `function(image, regions)`, which returns holes `(H, W)` or one hole."""

    def __init__(self, function: Callable[[Image, Sequence[MaskRegion]], Any]) -> None:
        self.function = function

    def __repr__(self) -> str:
        return f"refiner {function_name(self.function)!r}"

    def refine(self, image: Image, regions: Sequence[MaskRegion]) -> list[Hole]:
        """Call the function."""
        holes = self.function(image, regions)
        if holes is None:
            return []
        return [holes] if isinstance(holes, np.ndarray) and holes.ndim == 2 else holes


class FunctionInpainter:
    """An inpainter made of `function(crop, hole)`, which returns the filled crop."""

    def __init__(self, function: Callable[[Image, Mask], Image]) -> None:
        self.function = function

    def __repr__(self) -> str:
        return f"inpainter {function_name(self.function)!r}"

    def complete(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        """Call the function once per crop `(side, side, 3)`."""
        return [self.function(crop, hole) for crop, hole in zip(crops, holes, strict=True)]


class FunctionBlender:
    """A blender made of `function(image, fill, hole)`, which returns the joined picture."""

    def __init__(self, function: Callable[[Image, Image, Mask], Image]) -> None:
        self.function = function

    def __repr__(self) -> str:
        return f"blender {function_name(self.function)!r}"

    def blend(self, image: Image, fill: Image, hole: Mask) -> Image:
        """Call the function."""
        return self.function(image, fill, hole)


_ADAPTERS: dict[StageKind, Callable[[Callable[..., Any]], Any]] = {
    "detector": FunctionDetector,
    "refiner": FunctionRefiner,
    "inpainter": FunctionInpainter,
    "blender": FunctionBlender,
}


FUNCTION_ARGUMENTS: dict[StageKind, int] = {
    "detector": 1,
    "refiner": 2,
    "inpainter": 2,
    "blender": 3,
}
"""How many arguments a plain function for one picture takes."""


def is_stage(kind: StageKind, candidate: Any) -> bool:
    """Whether an object has the method of its kind of stage."""
    return not isinstance(candidate, type) and callable(
        getattr(candidate, STAGE_METHODS[kind], None)
    )


def function_stage(kind: StageKind, function: Callable[..., Any]) -> Any:
    """Dress a plain function for one picture as a stage."""
    return _ADAPTERS[kind](function)
