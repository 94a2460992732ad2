"""The four stages of the pipeline, as protocols that any object may satisfy.

Between stages there are only uint8 RGB pictures `(H, W, 3)`, bool holes `(H, W)` with True where
pixels are missing, and `MaskRegion`. Anything that has the one method is a stage; a plain function
for one picture is one too (`pipeline.stages.functions`). A stage that several threads may use says
so by an attribute `thread_safe` that is True; then `unmask run` works on two pictures at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from weights.base.contracts import Inpainter
from weights.base.regions import Detector

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from weights.base.contracts import Hole, Image, Mask
    from weights.base.regions import MaskRegion

__all__ = [
    "STAGE_KINDS",
    "STAGE_METHODS",
    "AdjustableDetector",
    "Blender",
    "Detector",
    "GuidedInpainter",
    "Inpainter",
    "Refiner",
    "SofteningInpainter",
    "StageKind",
    "StageSpecification",
]

StageKind = Literal["detector", "refiner", "inpainter", "blender"]
STAGE_KINDS: tuple[StageKind, ...] = get_args(StageKind)

STAGE_METHODS: dict[StageKind, str] = {
    "detector": "detect",
    "refiner": "refine",
    "inpainter": "complete",
    "blender": "blend",
}
"""The one method that makes an object a stage of a kind."""

StageSpecification: TypeAlias = str | dict[str, Any] | Any
"""How a user names a stage.

A registered name, a dict `{"name": ..., **options}`, "package.module:Class", or an object.
"""


@runtime_checkable
class AdjustableDetector(Detector, Protocol):
    """A detector that can be asked for masks that it is less, or more, sure of."""

    confidence: float

    def with_confidence(self, confidence: float) -> Detector:
        """Return a detector that differs by its lowest score alone, above 0 and at most 1."""
        ...


@runtime_checkable
class SofteningInpainter(Inpainter, Protocol):
    """An inpainter that softens fills to match each crop, and can leave that to its caller.

    In a video fills are softened evenly over time, not as each frame tells for itself.
    """

    def complete_sharp(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        """Complete crops as `complete`, without softening the fills."""
        ...

    def softening_of(self, fill: Image, crop: Image, hole: Mask) -> float:
        """By how much `complete` would soften a fill: a Gaussian's deviation in pixels, or 0."""
        ...


@runtime_checkable
class GuidedInpainter(Inpainter, Protocol):
    """An inpainter that can be told where the features behind its holes are."""

    def complete_guided(
        self,
        crops: Sequence[Image],
        holes: Sequence[Mask],
        landmarks: Sequence[NDArray[np.float64] | None],
    ) -> list[Image]:
        """Complete crops as `complete`, with jaw, nose and lips where landmarks say.

        Args:
            crops: as for `complete`.
            holes: likewise.
            landmarks: of each crop the iBUG points `(68, 2)`, x y in its pixels; None where they
                are not known.
        """
        ...


@runtime_checkable
class Refiner(Protocol):
    """Makes holes of regions."""

    def refine(self, image: Image, regions: Sequence[MaskRegion]) -> list[Hole]:
        """Return one bool hole `(H, W)` per face; an empty list where nothing is to be filled."""
        ...


@runtime_checkable
class Blender(Protocol):
    """Puts a fill back."""

    def blend(self, image: Image, fill: Image, hole: Mask) -> Image:
        """Return `image` with its hole filled from `fill`; both and the result have one size.

        Outside the hole the result is `image` bit for bit.
        """
        ...
