"""How much of a photo's detail a fill has, octave by octave, and whether it shows a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from inpainter.metrics.pixel import check_pictures
from inpainter.postprocess.grain import bands_of
from weights.base.contracts import check_image, check_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.base.contracts import Image, Mask

SIGMAS: Final = (1, 2, 4, 8)
"""Upper ends of the octaves: standard deviations of Gaussians in pixels."""

_ROUNDING: Final = 1.0 / 12.0
"""Energy of rounding to whole grey levels: a truth that has no more of it has no detail."""

_PERIOD: Final = 16
_LEAST_LINES: Final = 2 * _PERIOD
_LEAST_PIXELS: Final = 8


def detail_kept(result: Image, truth: Image, hole: Mask) -> dict[int, float]:
    """Energy of the fill in each octave over the truth's, as a ratio of standard deviations.

    Octaves are differences of Gaussians of the luminance, up to each of `SIGMAS`. Pixels within
    twice that distance of the rim are left out: there a step at the rim is down to a fortieth, so
    that a seam does not pass for detail.

    Args:
        result: uint8 RGB `(H, W, 3)`.
        truth: uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`.

    Returns:
        Sigma to ratio: 1 for as much detail, under 1 for a blur; nan where no pixel is left, or the
        truth has no more detail than rounding gives.

    Raises:
        InputError: the sizes differ.
    """
    check_pictures(result, truth, check_mask(hole, what="hole"))
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    ratios = {}
    octaves = (bands_of(_luminance(picture), SIGMAS) for picture in (result, truth))
    for sigma, own, wanted in zip(SIGMAS, *octaves, strict=True):
        inner = depth > 2 * sigma
        energy = float(np.square(wanted[inner]).mean()) if inner.any() else 0.0
        ratios[sigma] = (
            math.sqrt(float(np.square(own[inner]).mean()) / energy)
            if energy > _ROUNDING
            else math.nan
        )
    return ratios


def grid_energy(picture: Image, hole: Mask) -> float:
    """How far lines that recur every 8 or 16 pixels stand out in a fill; 1 where there is no grid.

    Of each row, and each column, of the hole the mean square second difference to its neighbours is
    taken, relative to the rows round it. A grid is periodic along them: the power of that curve at
    the multiples of 1/16 is set against its power midway between them. Without a grid neither is
    favoured, at whatever phase a grid would be, so the mean over pictures is 1.

    Args:
        picture: uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`.

    Returns:
        Twice the share of the multiples in the power, 0 to 2, of rows and columns together; nan for
        holes of fewer than 32 rows or columns, and for flat ones.

    Raises:
        InputError: the sizes differ.
    """
    check_image(picture, "picture")
    check_mask(hole, (picture.shape[0], picture.shape[1]), "hole")
    grey = _luminance(picture)
    on_grid = off_grid = 0.0
    for plane, region in ((grey, hole), (grey.T, hole.T)):
        # The second difference: a shaded cheek has none, a line has.
        steps = np.square(plane[2:] - 2.0 * plane[1:-1] + plane[:-2])
        inside = region[2:] & region[1:-1] & region[:-2]
        count = inside.sum(axis=1)
        lines = np.flatnonzero(count >= _LEAST_PIXELS)
        if len(lines) < _LEAST_LINES:
            return math.nan
        mean = (steps * inside).sum(axis=1)[lines] / count[lines]
        # A mouth is no grid: each line is judged against its neighbours.
        relative = mean / (cv2.blur(mean[:, None], (1, 9))[:, 0] + 1e-6)
        harmonics = np.arange(1, _PERIOD // 2)
        on_grid += _power(relative, lines, harmonics / _PERIOD)
        for side in (-0.5, 0.5):
            off_grid += 0.5 * _power(relative, lines, (harmonics + side) / _PERIOD)
    return 2.0 * on_grid / (on_grid + off_grid) if on_grid + off_grid > 1e-9 else math.nan


def _power(
    curve: NDArray[np.floating], places: NDArray[np.integer], frequencies: NDArray[np.floating]
) -> float:
    """Power of a curve at frequencies, summed up."""
    waves = np.exp(-2j * np.pi * frequencies[:, None] * places)
    return float(np.square(np.abs(waves @ (curve - curve.mean()))).sum())


def _luminance(picture: Image) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
