"""Multi-scale structural similarity, over the picture or a region."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inpainter.metrics.pixel import check_pictures
from inpainter.metrics.similarity import similarity_of
from weights.base.contracts import Image, Mask
from weights.base.errors import InputError

SCALE_EXPONENTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the five scales, fine to coarse, as Wang et al. measured them with human subjects."""

SMALLEST_SIDE: Final = 11 * 2 ** (len(SCALE_EXPONENTS) - 1)
"""Shortest side, in pixels, at which the coarsest scale still holds one window."""

_RADIUS: Final = 5
_NO_LUMINANCE: Final = 1e9
"""A K1 so large that SSIM's luminance factor is 1, leaving contrast and structure."""


class MultiScaleSimilarity:
    """Multi-scale SSIM of two pictures, for any number of regions.

    Args:
        result: uint8 RGB `(H, W, 3)`, at least `SMALLEST_SIDE` pixels a side.
        truth: the same shape.

    Raises:
        InputError: the sizes differ, or a side is too short.

    Source: Wang, Simoncelli and Bovik 2003, "Multiscale structural similarity for image quality
    assessment"; SSIM itself is scikit-image's.
    """

    def __init__(self, result: Image, truth: Image) -> None:
        check_pictures(result, truth)
        if min(truth.shape[:2]) < SMALLEST_SIDE:
            raise InputError(
                f"Multi-scale SSIM needs pictures of at least {SMALLEST_SIDE} pixels a side, but "
                f"got {truth.shape[:2]}."
            )
        first, second = result.astype(np.float64), truth.astype(np.float64)
        last = len(SCALE_EXPONENTS) - 1
        self._maps: list[NDArray[np.float64]] = []
        for scale in range(len(SCALE_EXPONENTS)):
            k1 = 0.01 if scale == last else _NO_LUMINANCE
            self._maps.append(similarity_of(first, second, k1))
            first, second = _halved(first), _halved(second)

    def over(self, region: Mask | None = None) -> float:
        """Return the product of the scales' means, each to the power of its weight.

        Args:
            region: bool `(H, W)`; at coarser scales, pixels are weighted by the fraction of them
                that lies in it. None for the whole picture except half a window at the borders, as
                in the paper.

        Returns:
            0 to 1, 1 for equal pictures; a scale of negative similarity counts as 0. nan for an
            empty region.
        """
        if region is not None and not region.any():
            return math.nan
        shares = None if region is None else region.astype(np.float64)
        product = 1.0
        for values, exponent in zip(self._maps, SCALE_EXPONENTS, strict=True):
            if shares is None:
                inner = values[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
                mean = float(inner.mean())
            else:
                total = float(shares.sum())
                if total == 0.0:
                    continue
                mean = float((values * shares).sum() / total)
                shares = _halved(shares)
            product *= max(0.0, mean) ** exponent
        return product


def ms_ssim(result: Image, truth: Image, region: Mask | None = None) -> float:
    """Multi-scale SSIM over a region, None for the whole picture; see `MultiScaleSimilarity`.

    Raises:
        InputError: the sizes differ, or a side is shorter than `SMALLEST_SIDE`.
    """
    check_pictures(result, truth, region)
    return MultiScaleSimilarity(result, truth).over(region)


def _halved(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average blocks of 2 x 2; an odd last row or column is dropped."""
    height, width = values.shape[0] // 2, values.shape[1] // 2
    even = values[: 2 * height, : 2 * width]
    blocks = even.reshape(height, 2, width, 2, *values.shape[2:])
    return np.asarray(blocks.mean(axis=(1, 3)), np.float64)
