"""The four stages of the pipeline, as protocols that any object may satisfy.

Between stages there are only uint8 RGB pictures `(H, W, 3)`, bool holes `(H, W)` with True where
pixels are missing, and `MaskRegion`. Anything that has the one method is a stage; a plain function
for one picture is one too (`pipeline.function_stages`). A stage that several threads may use says
so by an attribute `thread_safe` that is True; then `unmask run` works on two pictures at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.regions import MaskRegion
    from weights.contracts import Hole, Image, Mask

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
class Detector(Protocol):
    """Finds masks."""

    def detect(self, images: Sequence[Image]) -> list[list[MaskRegion]]:
        """Return one list of regions per picture, in the pictures' order; empty where none is."""
        ...


@runtime_checkable
class Refiner(Protocol):
    """Makes holes of regions."""

    def refine(self, image: Image, regions: Sequence[MaskRegion]) -> list[Hole]:
        """Return one bool hole `(H, W)` per face; an empty list where nothing is to be filled."""
        ...


@runtime_checkable
class Inpainter(Protocol):
    """Fills holes."""

    def complete(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        """Return each crop filled: uint8 RGB of the crop's own size, crops may differ in size.

        What a crop holds inside its hole is the mask and must not show in the result. Pixels
        outside the hole may come back as the network sees them: the blender reads from them how
        far the fill's colours are off, and never lets them into the picture.
        """
        ...


@runtime_checkable
class Blender(Protocol):
    """Puts a fill back."""

    def blend(self, image: Image, fill: Image, hole: Mask) -> Image:
        """Return `image` with its hole filled from `fill`; both and the result have one size.

        Outside the hole the result is `image` bit for bit.
        """
        ...
