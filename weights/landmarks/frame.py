"""The square of a picture that the landmark network sees, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image

Points = NDArray[np.float64]

MARGIN = 1.4
"""Side of a frame over the larger extent of the face's points."""

CROP_SHARE = 0.85
"""Side of the first frame for landmarks, as a fraction of the face's crop's side."""


@dataclass(frozen=True)
class FaceFrame:
    """A square of a picture, rotated about its centre; it may extend past the picture.

    Coordinates are in pixels from the centre of the first pixel, as in OpenCV.

    Attributes:
        x, y: the centre.
        side: in pixels.
        angle: clockwise rotation of the square, in radians.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @classmethod
    def around(cls, points: Points, *, upright: bool = True) -> FaceFrame:
        """Frame a face by its iBUG points `(68, 2)`; if `upright`, with level eyes."""
        angle = 0.0
        if upright:
            across = points[42:48].mean(axis=0) - points[36:42].mean(axis=0)
            angle = math.atan2(float(across[1]), float(across[0]))
        level = points @ rotation(-angle).T
        low, high = level.min(axis=0), level.max(axis=0)
        x, y = rotation(angle) @ ((low + high) / 2.0)
        return cls(float(x), float(y), max(MARGIN * float((high - low).max()), 1.0), angle)

    @classmethod
    def in_crop(cls, x: float, y: float, side: float, angle: float = 0.0) -> FaceFrame:
        """Frame roughly the face in the crop of a completion network.

        Args:
            x: of the crop's centre, in pixels from the picture's corner.
            y: likewise.
            side: of the crop.
            angle: clockwise rotation of the crop, in radians.
        """
        return cls(x - 0.5, y - 0.5, CROP_SHARE * side, angle)

    def take(self, image: Image, size: int) -> Image:
        """Cut the square out of `(H, W, 3)` as `(size, size, 3)`; reflected past the picture."""
        source: cv2.typing.MatLike = image
        frame = self
        shrunk = 1.5 * size / self.side
        if shrunk < 0.75:
            # A plain warp would skip pixels, so the square's part is first reduced by area
            # averaging.
            (left, top), part = self._part_of(image)
            height, width = part.shape[:2]
            shape = (max(1, round(shrunk * width)), max(1, round(shrunk * height)))
            source = cv2.resize(part, shape, interpolation=cv2.INTER_AREA)
            x, y = ((at + 0.5) * shrunk - 0.5 for at in (self.x - left, self.y - top))
            frame = FaceFrame(x, y, self.side * shrunk, self.angle)
        taken = cv2.warpAffine(
            source,
            frame._from_crop(size),
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return np.asarray(taken, np.uint8)

    def to_picture(self, points: Points) -> Points:
        """Transform points `(N, 2)` of the square, 0 to 1 across it, to the picture's pixels."""
        return (points - 0.5) * self.side @ rotation(self.angle).T + (self.x, self.y)

    def to_square(self, points: Points) -> Points:
        """Transform points `(N, 2)` of the picture to the square, 0 to 1 across it."""
        return (points - (self.x, self.y)) @ rotation(-self.angle).T / self.side + 0.5

    def _part_of(self, image: Image) -> tuple[tuple[int, int], Image]:
        """The part of a picture under the square, and its corner; the whole picture if none.

        Where the square extends past the picture the part ends at its edge, so both are reflected
        alike.
        """
        corners = self.to_picture(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        left, top = (max(0, int(end) - 2) for end in np.floor(corners.min(axis=0)))
        right, bottom = (int(end) + 3 for end in np.ceil(corners.max(axis=0)))
        part = image[top : max(bottom, 0), left : max(right, 0)]
        return ((left, top), part) if part.size else ((0, 0), image)

    def _from_crop(self, size: int) -> NDArray[np.float64]:
        """The matrix `(2, 3)` from pixels of the crop to pixels of the picture."""
        turned = self.side / size * rotation(self.angle)
        middle = np.full(2, (size - 1) / 2.0)
        return np.column_stack([turned, (self.x, self.y) - turned @ middle])


def rotation(angle: float) -> NDArray[np.float64]:
    """The matrix that rotates points of a picture clockwise, by radians."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])
