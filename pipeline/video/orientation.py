"""How the stored frames of a video are rotated and mirrored for display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True)
class Orientation:
    """A rotation by right angles, mirrored or not.

    Attributes:
        transposed: rows and columns are swapped first.
        flipped_x: then left and right.
        flipped_y: then top and bottom.
    """

    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False

    @classmethod
    def of_matrix(cls, matrix: Sequence[int] | NDArray[np.integer] | None) -> Orientation:
        """Read FFmpeg's display matrix, 9 numbers, rounded to the nearest right angle."""
        if matrix is None:
            return cls()
        a, b, _, c, d = (int(value) for value in matrix[:5])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def apply(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Rotate a stored frame `(H, W, ...)` upright."""
        if self.transposed:
            array = array.swapaxes(0, 1)
        return np.ascontiguousarray(self._flipped(array))

    def undo(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Rotate an upright frame `(H, W, ...)` to how it is stored."""
        array = self._flipped(array)
        return np.ascontiguousarray(array.swapaxes(0, 1) if self.transposed else array)

    def _flipped(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        return array[:: -1 if self.flipped_y else 1, :: -1 if self.flipped_x else 1]
