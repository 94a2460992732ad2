"""The pipeline's four stages, as protocols that any object may satisfy.

Between stages there are only uint8 RGB pictures `(H, W, 3)`, bool holes `(H, W)` with True where
pixels are missing, and `MaskRegion`. Any object with the one method is a stage, and so is a plain
function for one picture (`pipeline.stages.functions`). A thread-safe stage has an attribute
`thread_safe` that is True; then `unmask run` processes two batches at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import FacePhoto, Hole, Image, Mask
from weights.base.contracts import Inpainter as Inpainter
from weights.base.regions import Detector as Detector
from weights.base.regions import MaskRegion

StageKind = Literal["detector", "refiner", "inpainter", "blender"]
STAGE_KINDS: tuple[StageKind, ...] = get_args(StageKind)

STAGE_METHODS: dict[StageKind, str] = {
    "detector": "detect",
    "refiner": "refine",
    "inpainter": "complete",
    "blender": "blend",
}
"""The method that makes an object a stage of each kind."""

StageSpecification: TypeAlias = str | dict[str, Any] | Any
"""How a user specifies a stage.

A registered name, a dict `{"name": ..., **options}`, "package.module:Class", or an object.
"""


@runtime_checkable
class AdjustableDetector(Detector, Protocol):
    """A detector with an adjustable confidence threshold."""

    confidence: float

    def with_confidence(self, confidence: float) -> Detector:
        """Return a detector that differs only in its lowest score, above 0 and at most 1."""
        ...


@runtime_checkable
class SofteningInpainter(Inpainter, Protocol):
    """An inpainter that softens fills to match each crop, and can leave that to the caller.

    In a video the softening is smoothed over time rather than estimated for each frame alone.
    """

    def complete_sharp(
        self,
        crops: Sequence[Image],
        holes: Sequence[Mask],
        landmarks: Sequence[NDArray[np.float64] | None] | None = None,
    ) -> list[Image]:
        """Complete crops like `complete`, without softening the fills.

        Args:
            crops: as for `complete`.
            holes: likewise.
            landmarks: as for `complete_guided`; passed to a `GuidedInpainter` only.
        """
        ...

    def softening_of(self, fill: Image, crop: Image, hole: Mask) -> float:
        """The blur `complete` would apply to a fill: its standard deviation in pixels, or 0."""
        ...


@runtime_checkable
class GuidedInpainter(Inpainter, Protocol):
    """An inpainter that can be conditioned on landmarks."""

    def complete_guided(
        self,
        crops: Sequence[Image],
        holes: Sequence[Mask],
        landmarks: Sequence[NDArray[np.float64] | None],
    ) -> list[Image]:
        """Complete crops like `complete`, with jaw, nose and lips at the landmarks.

        Args:
            crops: as for `complete`.
            holes: likewise.
            landmarks: the iBUG points `(68, 2)` of each crop, x y in its pixels; None if unknown.
        """
        ...


@runtime_checkable
class ReferringInpainter(Inpainter, Protocol):
    """An inpainter that can be conditioned on photos of the faces."""

    @property
    def takes_photos(self) -> bool:
        """Whether it can with the weights that it has loaded."""
        ...

    def complete_guided(
        self,
        crops: Sequence[Image],
        holes: Sequence[Mask],
        landmarks: Sequence[NDArray[np.float64] | None],
        photos: Sequence[FacePhoto | None] | None = None,
    ) -> list[Image]:
        """Complete crops like a `GuidedInpainter`, each from another photo of the face.

        Args:
            crops: as for `complete`.
            holes: likewise.
            landmarks: as for `GuidedInpainter.complete_guided`.
            photos: for each crop a photo of the face without a mask, or None.
        """
        ...


@runtime_checkable
class Refiner(Protocol):
    """Turns regions into holes."""

    def refine(self, image: Image, regions: Sequence[MaskRegion]) -> list[Hole]:
        """Return one bool hole `(H, W)` per face; an empty list if there is nothing to fill."""
        ...


@runtime_checkable
class Blender(Protocol):
    """Puts a fill back into the picture."""

    def blend(self, image: Image, fill: Image, hole: Mask) -> Image:
        """Return `image` with its hole filled from `fill`; all have the same size.

        Outside the hole the result is `image` bit for bit.
        """
        ...
