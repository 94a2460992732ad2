"""One face on its way through the pipeline: where it is, and what the inpainter sees of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.crop import Crop
from pipeline.upright import UprightView
from weights.base.contracts import FacePhoto, Hole, Image
from weights.base.errors import InputError
from weights.base.regions import MaskRegion
from weights.landmarks import FaceFrame, FoundFace
from weights.landmarks.expressions import Expression, with_decided_mouth, with_expression
from weights.landmarks.frame import Points
from weights.landmarks.points import mirrored_points

_Scalar = TypeVar("_Scalar", bound=np.generic)

_MOST_REFLECTED = 8
"""How many times as many pixels as its picture a crop may have; most would be reflections."""

_LARGEST_CROP = 3000**2
"""Number of pixels that a crop may always have."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face on its way through the pipeline.

    Attributes:
        picture: index of its picture among those processed together.
        hole: bool `(H, W)` at picture size, the face's own hole.
        crop: what the inpainter sees of the picture.
        missing: bool `(side, side)`, the crop's pixels that are in any hole of the picture or
            reflect one.
        mirrored: whether the inpainter sees the crop mirrored.
        upright: what the inpainter sees instead of the crop if the face is tilted.
        regions: its masks as the detector found them; empty if the hole is the user's own.
        landmarks: the landmark network's prediction; None if it was not run.
        expression: the expression that the fill should have; None leaves it to the prediction.
        photo: another photo of the face for the inpainter; None for a guess.
    """

    picture: int
    hole: Hole
    crop: Crop
    missing: Hole
    mirrored: bool = False
    upright: UprightView | None = None
    regions: tuple[MaskRegion, ...] = ()
    landmarks: FoundFace | None = None
    expression: Expression | None = None
    photo: FacePhoto | None = None

    @classmethod
    def each(
        cls, picture: int, image: Image, holes: Sequence[Hole], **placing: float | None
    ) -> list[Face]:
        """Make the faces of one picture.

        Args:
            picture: index of the picture among those processed together.
            image: uint8 RGB `(H, W, 3)`.
            holes: bool `(H, W)`, one per face; they do not overlap.
            **placing: context and lift of the crops, see `Crop.around`.

        Raises:
            InputError: a hole is so elongated that its square would be mostly reflections.
        """
        missing = union_of(holes, image)
        faces = []
        for hole in holes:
            crop = Crop.around(hole, **placing)
            _check_proportion(crop, image)
            faces.append(cls(picture, hole, crop, crop.take(missing)))
        return faces

    @property
    def frame(self) -> FaceFrame:
        """Where in the picture the landmark search starts."""
        if self.upright is not None:
            x, y, side = self.upright.square
            tilt = math.radians(self.upright.tilt)
        else:
            x0, y0, side = self.crop.square
            x, y, tilt = x0 + side / 2.0, y0 + side / 2.0, 0.0
        return FaceFrame.in_crop(x, y, side, tilt)

    def shown(self, picture: Image) -> tuple[Image, Hole]:
        """What the inpainter sees, uint8 `(side, side, 3)`, and its missing pixels, bool."""
        if self.upright is None:
            crop, missing = self.crop.take(picture), self.missing
        else:
            crop = self.upright.take(picture)
            missing = self.upright.crop.take(self.upright.missing)
        return self._mirrored(crop), self._mirrored(missing)

    def shown_landmarks(self) -> Points | None:
        """The landmarks `(68, 2)` in the pixels of `shown`; None if no face was found.

        What a photo shows of the face needs no decision on its mouth.
        """
        if self.landmarks is None or not self.landmarks.is_likely:
            return None
        points, side = self.landmarks.points, self.crop.side
        if self.expression is not None:
            points = with_expression(points, self.expression)
        elif self.photo is None:
            points = with_decided_mouth(points)
        if self.upright is None:
            points = points - (self.crop.x0, self.crop.y0)
        else:
            points, side = self.upright.points_of(points), self.upright.crop.side
        if self.mirrored:
            points = mirrored_points(points, side)
        return points

    def placed(self, picture: Image, fill: Image) -> Image:
        """Transform the fill of what was `shown` to the face's crop, uint8 `(side, side, 3)`."""
        fill = self._mirrored(fill)
        if self.upright is None:
            return fill
        crop = self.crop.take(picture)
        np.copyto(crop, self.upright.put_back(fill, self.crop), where=self.missing[..., None])
        return crop

    def _mirrored(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        return np.ascontiguousarray(array[:, ::-1]) if self.mirrored else array


def union_of(holes: Sequence[Hole], image: Image) -> Hole:
    """The union of a picture's holes, bool `(H, W)`; a single hole is returned itself."""
    if len(holes) == 1:
        return holes[0]
    union: Hole = np.zeros(image.shape[:2], np.bool_)
    for hole in holes:
        union |= hole
    return union


def _check_proportion(crop: Crop, picture: Image) -> None:
    """Refuse a crop that would be mostly reflections, as of a narrow strip of a picture.

    Raises:
        InputError: the crop has far more pixels than the picture.
    """
    height, width = picture.shape[:2]
    if crop.side**2 > max(_MOST_REFLECTED * height * width, _LARGEST_CROP):
        raise InputError(
            f"A hole of this {width} x {height} picture would need a square of {crop.side} pixels "
            "round it: no face is that elongated."
        )
