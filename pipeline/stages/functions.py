"""Wrapping plain functions for one picture as stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from pipeline.stages.found_regions import regions_of
from weights.base.contracts import Hole, Image, Mask
from weights.base.protocols import STAGE_METHODS, StageKind
from weights.base.regions import MaskRegion


def function_name(function: Callable[..., Any]) -> str:
    """A name for messages: the function's own, or its type's."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__name__", type(inner).__name__))


class _FunctionStage:
    kind: ClassVar[StageKind]
    takes: ClassVar[int]
    """How many arguments the function takes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __repr__(self) -> str:
        return f"{self.kind} {function_name(self.function)!r}"


class FunctionDetector(_FunctionStage):
    """A detector made of `function(image)`.

    The function returns anything that `pipeline.stages.found_regions.regions_of` takes: one or more
    masks of the picture's size, a label map, `MaskRegion`, Ultralytics' `Results`, None.
    """

    kind, takes = "detector", 1

    def detect(self, images: Sequence[Image]) -> list[list[MaskRegion]]:
        """Call the function once per picture `(H, W, 3)`."""
        return [regions_of(self.function(image)) for image in images]


class FunctionRefiner(_FunctionStage):
    """A refiner made of `function(image, regions)`, which returns holes `(H, W)` or one hole."""

    kind, takes = "refiner", 2

    def refine(self, image: Image, regions: Sequence[MaskRegion]) -> list[Hole]:
        """Call the function."""
        holes: Any = self.function(image, regions)
        if holes is None:
            return []
        return [holes] if isinstance(holes, np.ndarray) and holes.ndim == 2 else holes


class FunctionInpainter(_FunctionStage):
    """An inpainter made of `function(crop, hole)`, which returns the filled crop."""

    kind, takes = "inpainter", 2

    def complete(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        """Call the function once per crop `(side, side, 3)`."""
        return [self.function(crop, hole) for crop, hole in zip(crops, holes, strict=True)]


class FunctionBlender(_FunctionStage):
    """A blender made of `function(image, fill, hole)`, which returns the blended picture."""

    kind, takes = "blender", 3

    def blend(self, image: Image, fill: Image, hole: Mask) -> Image:
        """Call the function."""
        return self.function(image, fill, hole)


FUNCTION_STAGES: dict[StageKind, type[_FunctionStage]] = {
    stage.kind: stage
    for stage in (FunctionDetector, FunctionRefiner, FunctionInpainter, FunctionBlender)
}
"""The class that makes a plain function for one picture a stage of each kind."""


def is_stage(kind: StageKind, candidate: Any) -> bool:
    """Whether an object has the method of its kind of stage."""
    return not isinstance(candidate, type) and callable(
        getattr(candidate, STAGE_METHODS[kind], None)
    )
