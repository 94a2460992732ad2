"""The square around a hole that an inpainter sees, and the way back into the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inpainter.data.framing import LIFT, Square, body_square, reflected_crop
from weights.base.contracts import Hole, Image, Mask

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True)
class Crop:
    """A square of a picture; past the frame the picture is reflected.

    Attributes:
        x0: left edge in pixels of the picture, may be negative.
        y0: upper edge, likewise.
        side: width and height in pixels.
        height: the picture's height.
        width: the picture's width.
    """

    x0: int
    y0: int
    side: int
    height: int
    width: int

    @classmethod
    def around(cls, hole: Hole, *, context: float | None = None, lift: float | None = None) -> Crop:
        """The crop around a hole `(H, W)` as in the networks' training, ignoring straps.

        Args:
            hole: bool, at least one True pixel.
            context: side of the square over the hole's larger extent; None takes that of the
                training.
            lift: how far the square is moved up, as a fraction of its side; None takes that of the
                training.

        Raises:
            InputError: the hole is empty.

        Examples:
            >>> import numpy as np
            >>> hole = np.zeros((64, 64), bool)
            >>> hole[30:50, 20:44] = True
            >>> crop = Crop.around(hole)
            >>> crop.square, crop.take(hole).shape
            ((12, 16, 39), (39, 39))
        """
        x0, y0, side = body_square(hole, context=context, lift=LIFT if lift is None else lift)
        return cls(int(x0), int(y0), int(side), int(hole.shape[0]), int(hole.shape[1]))

    @property
    def square(self) -> Square:
        """x0, y0 and side."""
        return self.x0, self.y0, self.side

    @property
    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that lie in the crop."""
        return (
            slice(max(self.y0, 0), min(self.y0 + self.side, self.height)),
            slice(max(self.x0, 0), min(self.x0 + self.side, self.width)),
        )

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the crop that lie in the picture: the counterpart of `inside`."""
        rows, columns = self.inside
        return (
            slice(rows.start - self.y0, rows.stop - self.y0),
            slice(columns.start - self.x0, columns.stop - self.x0),
        )

    def take(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Cut the crop `(side, side, ...)` out of a picture or hole `(H, W, ...)`, as a copy.

        A reflected pixel of a hole is missing too.
        """
        rows, columns = self.inside
        if rows.stop - rows.start == self.side and columns.stop - columns.start == self.side:
            return array[rows, columns].copy()
        return reflected_crop(array, self.square)

    def put(self, image: Image, crop: Image, hole: Mask) -> None:
        """Write the pixels of a crop `(side, side, 3)` into `image` where `hole` `(H, W)` is True.

        Pixels of the crop past the frame are dropped; pixels of the hole outside the crop are
        unchanged.
        """
        np.copyto(image[self.inside], crop[self.window], where=hole[self.inside][:, :, None])
