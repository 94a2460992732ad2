"""Setting tilted faces upright for the inpainter, which learned from faces that are, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import cv2
import numpy as np

from pipeline.crop import Crop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.base.contracts import Hole, Image
    from weights.landmarks import FoundFace

_Scalar = TypeVar("_Scalar", bound=np.generic)

Window: TypeAlias = tuple[slice, slice]

_ROOM = 0.04
"""Room round the crop in which variants may move theirs, as a share of its side."""

_REACH = 3
"""Pixels round a missing one that a turned picture may have taken from it: bicubic takes two."""


LEAST_TILT = 8.0
"""Degrees from which a face is set upright: less is what networks see in training, and turning a
picture and back softens it a little."""


def tilt_of(landmarks: FoundFace | None) -> float:
    """Degrees by which a face is turned clockwise; 0 where it was not seen."""
    from inpainter.data.head_pose import estimate_tilt

    if landmarks is None or not landmarks.is_likely:
        return 0.0
    return estimate_tilt(landmarks.points)


@dataclass(frozen=True, eq=False)
class UprightView:
    """A part of a picture, turned so that a face in it is upright.

    Attributes:
        tilt: by how much the face is turned clockwise in the picture, in degrees.
        matrix: `(2, 3)`, from pixels of the picture to pixels of the part.
        window: rows and columns of the picture that the part shows some of.
        hole: bool `(S, S)`, the face's own hole.
        missing: bool `(S, S)`, all pixels that were taken from any hole of the picture.
        crop: what the inpainter sees of the part.
    """

    tilt: float
    matrix: NDArray[np.float64]
    window: Window
    hole: Hole
    missing: Hole
    crop: Crop

    @classmethod
    def of(
        cls,
        hole: Hole,
        missing: Hole,
        tilt: float,
        *,
        context: float | None = None,
        lift: float | None = None,
    ) -> UprightView:
        """Turn the surroundings of a hole.

        Args:
            hole: bool `(H, W)`, of one face.
            missing: bool `(H, W)`, all holes of the picture.
            tilt: by how much the face is turned clockwise, in degrees.
            context: of the crop, see `Crop.around`.
            lift: likewise.
        """
        from inpainter.data.framing import CONTEXT, missing_box, widest_context

        top, bottom, left, right = missing_box(hole)
        side = math.ceil(math.hypot(bottom - top, right - left)) + 4
        middle = (left + right) / 2.0, (top + bottom) / 2.0
        matrix = np.asarray(cv2.getRotationMatrix2D(middle, tilt, 1.0), np.float64)
        matrix[:, 2] += np.subtract(side / 2.0, middle)
        own = slice(top, bottom), slice(left, right)
        level = _turned(hole, matrix, own, side, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT)
        if context is None:
            top, bottom, left, right = missing_box(level)
            context = min(CONTEXT, widest_context(max(bottom - top, right - left), hole.shape))
        crop = Crop.around(level, context=context, lift=lift)
        room = math.ceil(_ROOM * crop.side)
        matrix[:, 2] -= (crop.x0 - room, crop.y0 - room)
        side = crop.side + 2 * room
        window = _window_of(matrix, side, hole.shape)
        grown = np.zeros(hole.shape, np.bool_)
        grown[window] = cv2.dilate(
            missing[window].astype(np.uint8), np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
        )
        return cls(
            tilt,
            matrix,
            window,
            _turned(hole, matrix, own, side, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT),
            _turned(grown, matrix, window, side, cv2.INTER_NEAREST, cv2.BORDER_REFLECT_101),
            Crop(room, room, crop.side, side, side),
        )

    def take(self, picture: Image) -> Image:
        """Turn what the inpainter is to see, uint8 `(side, side, 3)`; reflected past the frame."""
        cubic, reflected = cv2.INTER_CUBIC, cv2.BORDER_REFLECT_101
        return _turned(picture, self._to_crop(), self.window, self.crop.side, cubic, reflected)

    def put_back(self, fill: Image, crop: Crop) -> Image:
        """Turn a fill `(side, side, 3)` back to a crop of the picture that holds the hole."""
        matrix = self._to_crop()
        matrix[:, 2] += matrix[:, :2] @ (crop.x0, crop.y0)
        turned = cv2.warpAffine(
            fill,
            matrix,
            (crop.side, crop.side),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(turned, np.uint8)

    def _to_crop(self) -> NDArray[np.float64]:
        matrix = self.matrix.copy()
        matrix[:, 2] -= (self.crop.x0, self.crop.y0)
        return matrix


def _window_of(matrix: NDArray[np.float64], side: int, shape: tuple[int, ...]) -> Window:
    """Rows and columns of a picture that a turned part shows some of, with room to interpolate."""
    corners = np.array([[0, side, 0, side], [0, 0, side, side]], np.float64)
    x, y = np.linalg.solve(matrix[:, :2], corners - matrix[:, 2:])

    def span(places: NDArray[np.float64], length: int) -> slice:
        first, last = math.floor(places.min()) - _REACH, math.ceil(places.max()) + _REACH + 1
        return slice(min(max(first, 0), length - 1), max(min(last, length), 1))

    return span(y, shape[0]), span(x, shape[1])


def _turned(
    array: NDArray[_Scalar],
    matrix: NDArray[np.float64],
    window: Window,
    side: int,
    interpolation: int,
    border: int,
) -> NDArray[_Scalar]:
    """Turn a window of a picture or hole: OpenCV takes no picture of more than 32,767 columns."""
    part = np.ascontiguousarray(array[window])
    rows, columns = window
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (columns.start, rows.start)
    pixels = part.view(np.uint8) if part.dtype == np.bool_ else part
    turned = cv2.warpAffine(pixels, moved, (side, side), flags=interpolation, borderMode=border)
    return np.asarray(turned).astype(part.dtype, copy=False)
