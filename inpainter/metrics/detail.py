"""How much of a photo's detail a fill has, octave by octave, and whether it shows a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from inpainter.metrics.pixel import check_pictures
from weights.contracts import check_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.contracts import Image, Mask

SIGMAS: Final = (1, 2, 4, 8)
"""Upper ends of the octaves: standard deviations of Gaussians in pixels."""

_PERIODS: Final = (8, 16)
_LEAST_LINES: Final = 32


def detail_kept(result: Image, truth: Image, hole: Mask) -> dict[int, float]:
    """Energy of the fill in each octave over the truth's, as a ratio of standard deviations.

    Octaves are differences of Gaussians of the luminance, up to each of `SIGMAS`. Pixels within
    that distance of the rim are left out, so that a seam does not pass for detail.

    Args:
        result: uint8 RGB `(H, W, 3)`.
        truth: uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`.

    Returns:
        Sigma to ratio: 1 for as much detail, under 1 for a blur; nan where no pixel is left, or the
        truth is flat.

    Raises:
        InputError: the sizes differ.
    """
    check_pictures(result, truth, check_mask(hole, what="hole"))
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    ratios = {}
    bands = zip(SIGMAS, _octaves(result), _octaves(truth), strict=True)
    for sigma, own, wanted in bands:
        inner = depth > sigma
        energy = float(np.square(wanted[inner]).mean()) if inner.any() else 0.0
        ratios[sigma] = (
            math.sqrt(float(np.square(own[inner]).mean()) / energy) if energy > 0.0 else math.nan
        )
    return ratios


def grid_energy(picture: Image, hole: Mask) -> float:
    """How far lines 8 and 16 pixels apart stand out in a fill; 1 where there is no grid.

    The mean square step between neighbouring rows, and columns, is averaged over the hole row by
    row; steps that recur with the period are set against those of all other phases, and the
    strongest phase counts.

    Args:
        picture: uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`.

    Returns:
        1 and above, mean of rows and columns, of the stronger period; nan for holes of fewer than
        32 rows or columns.
    """
    grey = _luminance(picture)
    energies = []
    for plane, region in ((grey, hole), (grey.T, hole.T)):
        # The second difference: a shaded cheek has none, a line has.
        steps = np.square(plane[2:] - 2.0 * plane[1:-1] + plane[:-2])
        inside = region[2:] & region[1:-1] & region[:-2]
        count = inside.sum(axis=1)
        lines = np.flatnonzero(count >= 8)
        if len(lines) < _LEAST_LINES:
            return math.nan
        mean = (steps * inside).sum(axis=1)[lines] / count[lines]
        # A mouth is no grid: each line is judged against its neighbours.
        calm = cv2.blur(mean[:, None], (1, 9))[:, 0] + 1e-6
        relative = mean / calm
        energies.append(
            [
                max(float(relative[lines % period == phase].mean()) for phase in range(period))
                for period in _PERIODS
            ]
        )
    return float(np.mean(energies, axis=0).max())


def _octaves(picture: Image) -> list[NDArray[np.float32]]:
    finer = _luminance(picture)
    bands = []
    for sigma in SIGMAS:
        coarser = np.asarray(cv2.GaussianBlur(_luminance(picture), (0, 0), sigma), np.float32)
        bands.append(finer - coarser)
        finer = coarser
    return bands


def _luminance(picture: Image) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)
