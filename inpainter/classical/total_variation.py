"""Total variation inpainting: the fill with the shortest edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.classical.scaled import ScaledInpainter
from weights.base.contracts import Hole, Image
from weights.base.errors import ConfigurationError


class TotalVariationInpainter(ScaledInpainter):
    """Minimises the total variation inside the hole, with known pixels fixed.

    The colour channels share their edges (vectorial total variation). Solved by the primal-dual
    method of Chambolle and Pock, starting from the Navier-Stokes fill.

    Args:
        iterations: number of iterations.
        longest_side: larger crops are solved at this side, in pixels.

    Raises:
        ConfigurationError: an option is out of range.

    Source: Shen and Chan 2002, "Mathematical Models for Local Nontexture Inpaintings"; Chambolle
    and Pock 2011, "A First-Order Primal-Dual Algorithm for Convex Problems".
    """

    def __init__(self, iterations: int = 300, longest_side: int = 256) -> None:
        super().__init__(longest_side)
        if iterations < 1:
            raise ConfigurationError(f"iterations must be 1 or more, but is {iterations!r}.")
        self.iterations = int(iterations)

    def solve(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole; see `ScaledInpainter`."""
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        # The differences in the hole reach only one known pixel on each side.
        window = (
            slice(max(0, rows[0] - 1), rows[-1] + 2),
            slice(max(0, columns[0] - 1), columns[-1] + 2),
        )
        missing = hole.astype(np.uint8)
        begun = np.asarray(cv2.inpaint(crop, missing, 3, cv2.INPAINT_NS), np.uint8)
        result = begun.copy()
        result[window] = self._minimise(begun[window], hole[window])
        return result

    def _minimise(self, begun: Image, hole: Hole) -> Image:
        picture = begun.astype(np.float32) / 255.0
        leading = picture.copy()
        across, down = np.zeros_like(picture), np.zeros_like(picture)
        free = hole[..., None].astype(np.float32)
        # The squared norm of the difference operator is at most 8.
        step = 1.0 / np.sqrt(8.0)
        for _ in range(self.iterations):
            across[:, :-1] += step * (leading[:, 1:] - leading[:, :-1])
            down[:-1] += step * (leading[1:] - leading[:-1])
            size = np.sqrt((across**2 + down**2).sum(axis=2, keepdims=True))
            scale = 1.0 / np.maximum(1.0, size)
            across *= scale
            down *= scale
            moved = picture + step * free * _divergence(across, down)
            leading = 2.0 * moved - picture
            picture = moved
        return np.clip(np.rint(picture * 255.0), 0, 255).astype(np.uint8)


def _divergence(across: NDArray[np.float32], down: NDArray[np.float32]) -> NDArray[np.float32]:
    """The negative adjoint of forward differences whose last row and column are 0."""
    result = across.copy()
    result[:, 1:] -= across[:, :-1]
    result += down
    result[1:] -= down[:-1]
    return result
