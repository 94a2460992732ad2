"""Low-rank inpainting: the fill that minimises the picture's rank."""

from __future__ import annotations

import numpy as np

from inpainter.classical.scaled import ScaledInpainter
from weights.base.contracts import Hole, Image
from weights.base.errors import ConfigurationError


class LowRankInpainter(ScaledInpainter):
    """Low-rank matrix completion: alternately shrinks singular values and restores known pixels.

    The colour channels are concatenated to one matrix. The threshold falls from half the largest
    singular value to a small fraction of it, each step starting from the previous one (soft-impute
    with warm starts).

    Args:
        iterations: number of iterations.
        last_threshold: final threshold as a fraction of the largest singular value.
        longest_side: larger crops are solved at this side, in pixels.

    Raises:
        ConfigurationError: an option is out of range.

    Source: Mazumder et al. 2010, "Spectral Regularization Algorithms for Learning Large Incomplete
    Matrices"; Cai et al. 2010, "A Singular Value Thresholding Algorithm for Matrix Completion".
    """

    def __init__(
        self, iterations: int = 40, last_threshold: float = 0.003, longest_side: int = 128
    ) -> None:
        super().__init__(longest_side)
        if iterations < 1 or not 0.0 < last_threshold < 1.0:
            raise ConfigurationError(
                "iterations must be 1 or more and last_threshold between 0 and 1, "
                f"but are {iterations!r} and {last_threshold!r}."
            )
        self.iterations, self.last_threshold = int(iterations), float(last_threshold)

    def solve(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole; see `ScaledInpainter`."""
        height, width = hole.shape
        known = np.tile(~hole, (1, 3))
        given = crop.astype(np.float32).transpose(0, 2, 1).reshape(height, 3 * width)
        mean = np.repeat(crop[~hole].mean(axis=0), width)
        given = np.where(known, given - mean, 0.0)
        current = given
        largest = float(np.linalg.norm(given, 2))
        for threshold in largest * np.geomspace(0.5, self.last_threshold, self.iterations):
            left, values, right = np.linalg.svd(current, full_matrices=False)
            low = (left * np.maximum(values - threshold, 0.0)) @ right
            current = np.where(known, given, low)
        filled = (current + mean).reshape(height, 3, width).transpose(0, 2, 1)
        return np.clip(np.rint(filled), 0, 255).astype(np.uint8)
