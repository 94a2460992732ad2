"""How much of a photo's detail a fill keeps per octave, and whether it shows a grid or pattern."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.metrics.pixel import check_pictures
from inpainter.postprocess.grain import bands_of
from weights.base.contracts import Image, Mask, check_image, check_mask

SIGMAS: Final = (1, 2, 4, 8)
"""Upper ends of the octaves: standard deviations of Gaussians, in pixels."""

_ROUNDING: Final = 1.0 / 12.0
"""Energy of rounding to whole grey levels; a ground truth with no more than this has no detail."""

_PERIOD: Final = 16
_LEAST_LINES: Final = 2 * _PERIOD
_LEAST_PIXELS: Final = 8

_COHERENCE: Final = 3
"""Standard deviation, in pixels, over which a pattern must keep its phase to count as one."""


def detail_kept(result: Image, truth: Image, hole: Mask) -> dict[int, float]:
    """Ratio of the fill's to the ground truth's standard deviation in each octave.

    Octaves are differences of Gaussians of the luminance, up to each of `SIGMAS`. Pixels within
    twice that distance of the rim are left out, so that a seam does not pass for detail: a step at
    the rim has fallen to a fortieth there.

    Args:
        result: uint8 RGB `(H, W, 3)`.
        truth: uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`.

    Returns:
        Ratio by sigma: 1 for equal detail, below 1 for blur; nan if no pixel is left, or the ground
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
    """Strength of lines that recur every 8 or 16 pixels in a fill; 1 if there is no grid.

    For each row and each column of the hole, the mean squared second difference across it is taken,
    relative to nearby lines. A grid makes this curve periodic, so its power at multiples of 1/16 is
    compared with its power midway between them. Without a grid neither dominates, so the mean over
    pictures is 1.

    Args:
        picture: uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`.

    Returns:
        Twice the multiples' fraction of the power, 0 to 2, over rows and columns; nan for holes of
        fewer than 32 rows or columns, and for flat ones.

    Raises:
        InputError: the sizes differ.
    """
    check_image(picture, "picture")
    check_mask(hole, (picture.shape[0], picture.shape[1]), "hole")
    grey = _luminance(picture)
    on_grid = off_grid = 0.0
    for plane, region in ((grey, hole), (grey.T, hole.T)):
        # Second differences respond to lines but not to smooth shading.
        steps = np.square(plane[2:] - 2.0 * plane[1:-1] + plane[:-2])
        inside = region[2:] & region[1:-1] & region[:-2]
        count = inside.sum(axis=1)
        lines = np.flatnonzero(count >= _LEAST_PIXELS)
        if len(lines) < _LEAST_LINES:
            return math.nan
        mean = (steps * inside).sum(axis=1)[lines] / count[lines]
        # Relative to neighbouring lines, so that a mouth does not count as a grid.
        relative = mean / (cv2.blur(mean[:, None], (1, 9))[:, 0] + 1e-6)
        harmonics = np.arange(1, _PERIOD // 2)
        on_grid += _power(relative, lines, harmonics / _PERIOD)
        for side in (-0.5, 0.5):
            off_grid += 0.5 * _power(relative, lines, (harmonics + side) / _PERIOD)
    return 2.0 * on_grid / (on_grid + off_grid) if on_grid + off_grid > 1e-9 else math.nan


def alternation(picture: Image, hole: Mask) -> float:
    """Amplitude of stripes and checkerboards of single pixels in a fill, in grey levels.

    Networks that generate sub-pixels may hide such patterns. They pass for texture with a
    discriminator or a measuring network whose first layer halves the picture, but not with people.

    Args:
        picture: uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`.

    Returns:
        Root mean square amplitude over the hole except its rim: noise of std 1 gives about 0.16;
        nan if no pixel is left.

    Raises:
        InputError: the sizes differ.
    """
    check_image(picture, "picture")
    check_mask(hole, (picture.shape[0], picture.shape[1]), "hole")
    inner = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5) > 2 * _COHERENCE
    if not inner.any():
        return math.nan
    grey = _luminance(picture)
    grey = grey - cv2.GaussianBlur(grey, (0, 0), 1.0)
    rows, columns = (-1.0) ** np.arange(grey.shape[0]), (-1.0) ** np.arange(grey.shape[1])
    energy = 0.0
    for sign in (rows[:, None], columns[None], np.outer(rows, columns)):
        amplitude = cv2.GaussianBlur((grey * sign).astype(np.float32), (0, 0), _COHERENCE)
        energy += float(np.square(amplitude[inner]).mean())
    return math.sqrt(energy)


def _power(
    curve: NDArray[np.floating], places: NDArray[np.integer], frequencies: NDArray[np.floating]
) -> float:
    """Total power of a curve at the given frequencies."""
    waves = np.exp(-2j * np.pi * frequencies[:, None] * places)
    return float(np.square(np.abs(waves @ (curve - curve.mean()))).sum())


def _luminance(picture: Image) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
