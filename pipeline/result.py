"""What the pipeline returns for one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inpainter.data.framing import Square
from pipeline.outlook import Outlook
from weights.base.contracts import Hole, Image, check_image, check_mask
from weights.base.errors import InputError
from weights.base.regions import MaskRegion

if TYPE_CHECKING:
    from weights.images import Picture


@dataclass(frozen=True, eq=False)
class FaceFill:
    """One filled face.

    Attributes:
        crop: x0, y0 and side in pixels of the square around the face; it may extend past the frame,
            where the picture is reflected.
        hole: bool `(H, W)` at picture size, True where this face was filled.
        share: fraction of the crop's pixels that were missing, 0 to 1; holes of other faces inside
            the crop and their reflections count too.
        score: the detector's highest confidence, 0 to 1, among the masks detected here; None for
            the user's own hole.
        reference: index of the reference photo that mouth, nose and chin are from; None if they are
            a guess.
        outlook: how good the fill was expected to be, before it was made; None if landmarks are
            off.
        tilt: degrees, clockwise positive, by which the face was tilted and the crop rotated back
            for the inpainter; 0 if the inpainter saw the crop as it is.
    """

    crop: Square
    hole: Hole
    share: float
    score: float | None = None
    reference: int | None = None
    outlook: Outlook | None = None
    tilt: float = 0.0

    def __repr__(self) -> str:
        score = "" if self.score is None else f", score={self.score:.2f}"
        outlook = f", {self.outlook}" if str(self.outlook or "") else ""
        return f"FaceFill(crop={tuple(self.crop)}, {self.share:.1%} of it missing{score}{outlook})"

    def __post_init__(self) -> None:
        check_mask(self.hole, what="hole of a face")
        if len(self.crop) != 3 or self.crop[2] <= 0:
            raise InputError(
                f"crop of a face must be (x0, y0, side) with side above 0, but got {self.crop!r}."
            )
        if not 0.0 <= self.share <= 1.0:
            raise InputError(f"share of a face must be from 0 to 1, but got {self.share!r}.")


@dataclass(frozen=True, eq=False)
class UnmaskResult:
    """A picture with its masks taken off, and how it was made.

    Attributes:
        image: the result, uint8 RGB `(H, W, 3)`; equal to the input outside `hole`.
        regions: the detections, in the order of the faces they belong to; empty if the hole was
            given by the user.
        hole: bool `(H, W)`, True where a pixel was filled.
        faces: the filled faces; their holes do not overlap and together are `hole`.
        timings: seconds per stage, keys "detector", "refiner", "inpainter" and "blender", and
            "reference" if there was one. Stages that take all pictures of a call at once report an
            equal part for each picture.
        others: further fills of the same holes, uint8 RGB, if several were requested. `faces`
            describes `image`; `timings` covers all fills.
    """

    image: Image
    regions: list[MaskRegion]
    hole: Hole
    faces: tuple[FaceFill, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    others: tuple[Image, ...] = ()

    def __repr__(self) -> str:
        height, width = self.hole.shape
        return (
            f"UnmaskResult({width} x {height}, masks found: {len(self.regions)}, faces filled: "
            f"{len(self.faces)}, {self.hole.mean():.1%} of the pixels, "
            f"{sum(self.timings.values()):.2f} s)"
        )

    def __post_init__(self) -> None:
        for image in self.variants:
            check_image(image, "image of a result")
        check_mask(self.hole, self.image.shape[:2], "hole of a result")

    @property
    def variants(self) -> tuple[Image, ...]:
        """All requested fills; `image` is the first."""
        return (self.image, *self.others)

    @property
    def reference(self) -> int | None:
        """Index of the reference photo from which a face was filled; None if there was none."""
        return next((face.reference for face in self.faces if face.reference is not None), None)

    @property
    def from_reference(self) -> bool:
        """Whether a face was filled from a reference photo."""
        return self.reference is not None

    def restored(
        self, picture: Picture, image: Image, models: Sequence[str], **options: bool
    ) -> Any:
        """Return the picture, in its original kind, with a fill and its mark.

        Args:
            picture: the original, as it was read.
            image: one of the `variants`.
            models: names of the models used.
            **options: `provenance` and `reuse` of `weights.images.restore`, which says more.

        Raises:
            InputError, OutputError: as `weights.images.restore`.
        """
        from weights.images import restore

        return restore(
            picture,
            image,
            self.hole,
            models=models,
            from_reference=self.from_reference,
            guesses=len(self.variants),
            **options,
        )
