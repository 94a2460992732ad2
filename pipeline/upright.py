"""Rotating tilted faces upright for the inpainter, which was trained on upright ones, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.data.framing import CONTEXT, missing_box, widest_context
from pipeline.crop import Crop
from weights.base.contracts import Hole, Image
from weights.landmarks import FoundFace
from weights.landmarks.frame import Points

_Scalar = TypeVar("_Scalar", bound=np.generic)

Window: TypeAlias = tuple[slice, slice]

LevelSquare: TypeAlias = tuple[float, float, float]
"""A square that is level with a face: x and y of its centre, in pixels from the picture's corner,
and its side."""

_ROOM = 0.04
"""Margin around the crop within which variants may shift theirs, as a fraction of its side."""

_REACH = 3
"""How far a missing pixel may influence a rotated picture, in pixels: bicubic reaches two."""


LEAST_TILT = 8.0
"""Tilt in degrees from which a face is rotated upright: networks see less in training, and rotating
a picture there and back softens it a little."""


def gradual_turn(tilt: float) -> float:
    """By how many degrees to rotate a face whose tilt changes over time, without jumps.

    0 up to `LEAST_TILT`, the whole tilt from twice that on; in between the remaining tilt is less
    than `LEAST_TILT`.
    """
    return math.copysign(min(abs(tilt), 2.0 * max(abs(tilt) - LEAST_TILT, 0.0)), tilt)


def tilt_of(landmarks: FoundFace | None) -> float | None:
    """Degrees by which a face is tilted clockwise; None if no face was found."""
    return None if landmarks is None else landmarks.tilt


@dataclass(frozen=True, eq=False)
class UprightView:
    """A part of a picture, rotated so that a face in it is upright.

    Attributes:
        tilt: clockwise rotation of the face in the picture, in degrees.
        square: the square of the picture that is level with the face.
        matrix: `(2, 3)`, from pixels of the picture to pixels of the part.
        window: rows and columns of the picture that the part overlaps.
        hole: bool `(S, S)`, the face's own hole.
        missing: bool `(S, S)`, all pixels that were interpolated from any hole of the picture.
        crop: what the inpainter sees of the part.
    """

    tilt: float
    square: LevelSquare
    matrix: NDArray[np.float64]
    window: Window
    hole: Hole
    missing: Hole
    crop: Crop

    @classmethod
    def within(cls, square: LevelSquare, hole: Hole, missing: Hole, tilt: float) -> UprightView:
        """Rotate the surroundings of a hole.

        Args:
            square: contains the hole and is level with the face, see `level_square`.
            hole: bool `(H, W)`, of one face.
            missing: bool `(H, W)`, all holes of the picture.
            tilt: clockwise rotation of the face, in degrees.
        """
        x, y, side = square
        side = round(side)
        room = math.ceil(_ROOM * side)
        whole = side + 2 * room
        matrix = _turn(tilt, (x - 0.5, y - 0.5), (whole - 1.0) / 2.0)
        window = _window_of(matrix, whole, hole.shape)
        grown = np.zeros(hole.shape, np.bool_)
        grown[window] = cv2.dilate(
            missing[window].astype(np.uint8), np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
        )
        top, bottom, left, right = missing_box(hole)
        own = slice(top, bottom), slice(left, right)
        return cls(
            tilt,
            square,
            matrix,
            window,
            _turned(hole, matrix, own, whole, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT),
            _turned(grown, matrix, window, whole, cv2.INTER_NEAREST, cv2.BORDER_REFLECT_101),
            Crop(room, room, side, whole, whole),
        )

    def take(self, picture: Image) -> Image:
        """Rotate what the inpainter sees, uint8 `(side, side, 3)`; reflected past the frame."""
        cubic, reflected = cv2.INTER_CUBIC, cv2.BORDER_REFLECT_101
        return _turned(picture, self._to_crop(), self.window, self.crop.side, cubic, reflected)

    def points_of(self, points: Points) -> Points:
        """Transform points `(N, 2)` of the picture to pixels of what the inpainter sees."""
        matrix = self._to_crop()
        return points @ matrix[:, :2].T + matrix[:, 2]

    def put_back(self, fill: Image, crop: Crop) -> Image:
        """Rotate a fill `(side, side, 3)` back to a crop of the picture that contains the hole."""
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


def level_square(
    hole: Hole, tilt: float, *, context: float | None = None, lift: float | None = None
) -> LevelSquare:
    """Frame a tilted face's hole, bool `(H, W)`, as `Crop.around` frames an upright face's."""
    if tilt == 0.0:
        crop = Crop.around(hole, context=context, lift=lift)
        return crop.x0 + crop.side / 2.0, crop.y0 + crop.side / 2.0, crop.side
    top, bottom, left, right = missing_box(hole)
    side = math.ceil(math.hypot(bottom - top, right - left)) + 4
    matrix = _turn(tilt, ((left + right) / 2.0, (top + bottom) / 2.0), side / 2.0)
    own = slice(top, bottom), slice(left, right)
    level = _turned(hole, matrix, own, side, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT)
    if context is None:
        top, bottom, left, right = missing_box(level)
        context = min(CONTEXT, widest_context(max(bottom - top, right - left), hole.shape))
    crop = Crop.around(level, context=context, lift=lift)
    half = (crop.side - 1.0) / 2.0
    x, y = np.linalg.solve(matrix[:, :2], (crop.x0 + half, crop.y0 + half) - matrix[:, 2]) + 0.5
    return float(x), float(y), crop.side


def shows_all(square: LevelSquare, hole: Hole, tilt: float) -> bool:
    """Whether a square rotated clockwise by a tilt contains a whole hole, bool `(H, W)`."""
    x, y, side = square
    top, bottom, left, right = missing_box(hole)
    rows, columns = np.nonzero(hole[top:bottom, left:right])
    matrix = _turn(tilt, (x - 0.5, y - 0.5), 0.0)
    places = matrix[:, :2] @ (columns + left, rows + top) + matrix[:, 2:]
    return bool(np.abs(places).max() <= (side - 1.0) / 2.0)


def _turn(tilt: float, middle: tuple[float, float], place: float) -> NDArray[np.float64]:
    """The matrix `(2, 3)` that undoes a tilt and maps a point to `(place, place)`."""
    # OpenCV's own function takes the centre as 32-bit floats, too coarse for very wide pictures.
    cosine, sine = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([turn, place - turn @ middle])


def _window_of(matrix: NDArray[np.float64], side: int, shape: tuple[int, ...]) -> Window:
    """Rows and columns of a picture that a rotated part overlaps, with a margin to interpolate."""
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
    """Rotate a window of a picture or hole; OpenCV takes no more than 32,767 columns."""
    part = np.ascontiguousarray(array[window])
    rows, columns = window
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (columns.start, rows.start)
    pixels = part.view(np.uint8) if part.dtype == np.bool_ else part
    turned = cv2.warpAffine(pixels, moved, (side, side), flags=interpolation, borderMode=border)
    return np.asarray(turned).astype(part.dtype, copy=False)
