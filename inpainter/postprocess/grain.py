"""Matching a fill's noise and sharpness to the picture round its hole.

A network predicts the mean of what it cannot know, which has no grain, and its fill is generated at
a few hundred pixels and enlarged, so it is smoother than the photo. Both are compared in octave
bands of luminance, and what the fill lacks is added: if it was enlarged, first by sharpening; then
as noise of the missing energy.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from inpainter.data.framing import missing_box
from inpainter.postprocess.guided_filter import Plane
from weights.base.contracts import Image, Mask

DEVIATIONS = (0.7, 1.4, 2.8)
"""Standard deviations in pixels of the Gaussians that separate the bands."""
GUARD = 2.0 * DEVIATIONS[-1]
"""Distance in pixels at which the widest Gaussian no longer reaches across a hole's rim."""
CALM = (0.52, 0.25, 0.25)
"""In each band, the quantile of block energy taken as the noise level: the finest band is mostly
noise, the coarser ones contain much structure."""
CALMEST = 0.1
"""Quantile of block energy that can only be noise."""
MOST_SHARPENING = 0.2
"""Largest fraction of a band that is added to itself.

More would amplify the fine grid that networks with sub-pixel outputs leave in skin.
"""
MOST_NOISE = 8.0
"""Largest standard deviation of noise per band, in grey levels."""
TILE = 256
"""Side in pixels of the noise tiled over a fill."""
BLOCK = 8
"""Side in pixels of the blocks in which noise is measured."""
LEAST_PIXELS = 64
"""Minimum pixels on either side for estimating noise."""


class RimDistances(NamedTuple):
    """Distances of a picture's pixels from the rim of a hole.

    Attributes:
        outside: of known pixels, float32 `(H, W)`, in pixels; 0 in the hole.
        inside: of missing pixels; 0 outside the hole.
    """

    outside: Plane
    inside: Plane

    @classmethod
    def of(cls, hole: Mask) -> RimDistances:
        """Compute them for a hole, bool `(H, W)`."""
        outside, inside = (
            np.asarray(cv2.distanceTransform(side.view(np.uint8), cv2.DIST_L2, 3), np.float32)
            for side in (~hole, hole)
        )
        return cls(outside, inside)

    @property
    def around(self) -> Mask:
        """Known pixels `(H, W)` whose bands the hole does not affect."""
        return self.outside > GUARD

    @property
    def within(self) -> Mask:
        """Missing pixels `(H, W)` whose bands the photo does not affect."""
        return self.inside > GUARD


def match_grain(
    fill: Image,
    image: Image,
    hole: Mask,
    ring: float = 0.3,
    enlarged: float = 1.0,
    spared: float = 0.0,
    distances: RimDistances | None = None,
) -> Image:
    """Match a fill's sharpness and noise to its surroundings.

    A fill that is already as sharp and noisy as the picture round it is returned unchanged, and so
    is every fill in a picture without noise. The noise is the same for every call.

    The noise level is the lower of two: of the whole ring, and of its part above the hole. Below
    the hole there may be only a beard, a scarf or a collar, whose structure would pass for noise;
    above it there is skin.

    Args:
        fill: uint8 RGB `(H, W, 3)`; only pixels in the hole are changed.
        image: uint8 RGB `(H, W, 3)`; only pixels outside the hole are read.
        hole: bool `(H, W)`.
        ring: width of the ring round the hole to measure, as a fraction of the square root of the
            hole's area.
        enlarged: factor by which the fill was enlarged. If it was not, only the finest band gets
            noise, as the coarser bands hold generated detail.
        spared: tolerance in grey levels: no noise is added if the fill's calmest parts lack less
            than this. Noise is everywhere, whereas texture belongs to skin and hair.
        distances: distances from the hole's rim, if known already.

    Returns:
        uint8 RGB `(H, W, 3)`.
    """
    extent = float(np.sqrt(np.count_nonzero(hole)))
    distances = distances or RimDistances.of(hole)
    around = distances.around & (distances.outside <= GUARD + max(ring * extent, 4.0))
    within = distances.within
    if np.count_nonzero(around) < LEAST_PIXELS or np.count_nonzero(within) < LEAST_PIXELS:
        return fill
    surroundings = [_Blocks(around)]
    above = around & above_hole(hole)
    if np.count_nonzero(above) >= LEAST_PIXELS:
        surroundings.append(_Blocks(above))
    own_blocks = _Blocks(within)
    deviations = DEVIATIONS if enlarged > 1.0 else DEVIATIONS[:1]
    wanted_bands = bands_of(luminance_of(image), deviations)
    own_bands = bands_of(luminance_of(fill), deviations)
    top, bottom, left, right = missing_box(hole)
    window = slice(top, bottom), slice(left, right)
    change: Plane = np.zeros(hole[window].shape, np.float32)
    most_sharpening = MOST_SHARPENING * min(max(enlarged - 1.0, 0.0), 1.0)
    bands = zip(wanted_bands, own_bands, _noise_tiles(), deviations, CALM, strict=False)
    for wanted, own, noise, deviation, calm in bands:
        gain = 0.0
        if most_sharpening > 0.0:
            gain = min(_sharpening(wanted[around], own[within]), most_sharpening)
            change += gain * own[window]
        if deviation > DEVIATIONS[0] * max(1.0, enlarged):
            continue
        if spared > 0.0:
            calmest = min(blocks.noise_level(wanted, CALMEST) for blocks in surroundings)
            if calmest < own_blocks.noise_level(own, CALMEST) + spared:
                continue
        around_it = min(blocks.noise_level(wanted, calm) for blocks in surroundings)
        its_own = (1.0 + gain) * own_blocks.noise_level(own, calm)
        energy = around_it**2 - its_own**2
        level = min(float(np.sqrt(max(energy, 0.0))), MOST_NOISE)
        if level >= 0.25:
            times = (-(-hole.shape[0] // TILE), -(-hole.shape[1] // TILE))
            change += level * np.tile(noise, times)[window]
    if not change.any():
        return fill
    changed = np.clip(np.rint(fill[window] + change[:, :, None]), 0, 255).astype(np.uint8)
    matched = fill.copy()
    np.copyto(matched[window], changed, where=hole[window][:, :, None])
    return matched


def above_hole(hole: Mask) -> Mask:
    """The region in the hole's columns and above the middle of its rows."""
    top, bottom, left, right = missing_box(hole)
    above = np.zeros_like(hole)
    above[: (top + bottom) // 2, left:right] = True
    return above


def luminance_of(image: Image) -> Plane:
    """Luminance `(H, W)`, 0 to 255, of a picture `(H, W, 3)`."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)


@functools.cache
def _noise_tiles() -> tuple[Plane, ...]:
    """Bands of white noise `(TILE, TILE)` with unit standard deviation that tile seamlessly."""
    white = np.random.default_rng(0).standard_normal((TILE, TILE), dtype=np.float32)
    pad = 16
    bands = bands_of(np.pad(white, pad, mode="wrap"))
    tiles = [band[pad:-pad, pad:-pad] for band in bands]
    return tuple(np.asarray(tile / tile.std(), np.float32) for tile in tiles)


def bands_of(plane: Plane, deviations: Sequence[float] = DEVIATIONS) -> list[Plane]:
    """Return the bands of a plane between Gaussians of these standard deviations, finest first."""
    bands = []
    finer = plane
    for deviation in deviations:
        coarser = np.asarray(cv2.GaussianBlur(plane, (0, 0), deviation), np.float32)
        bands.append(np.asarray(finer - coarser, np.float32))
        finer = coarser
    return bands


class _Blocks:
    """A picture's small blocks that lie at least half in a region.

    Args:
        where: bool `(H, W)`, the region, with at least one True pixel.
    """

    def __init__(self, where: Mask) -> None:
        top, bottom, left, right = missing_box(where)
        # Blocks start at the picture's corner; incomplete ones at its end are dropped.
        rows, columns = (side // BLOCK for side in where.shape)
        first_row, first_column = top // BLOCK, left // BLOCK
        rows = max(min(rows, -(-bottom // BLOCK)) - first_row, 0)
        columns = max(min(columns, -(-right // BLOCK)) - first_column, 0)
        self._window = (
            slice(BLOCK * first_row, BLOCK * (first_row + rows)),
            slice(BLOCK * first_column, BLOCK * (first_column + columns)),
        )
        self._grid = (rows, BLOCK, columns, BLOCK)
        self._weight = where[self._window].astype(np.float32)
        self._counts = self._summed(self._weight)
        self._full = self._counts >= BLOCK * BLOCK // 2

    def noise_level(self, band: Plane, calm: float) -> float:
        """Standard deviation of the noise in a band `(H, W)`, from its calmer blocks.

        A low quantile over the blocks' deviations leaves out hair, eyes and edges, which are
        structure and not noise.
        """
        if not self._full.any():
            return 0.0
        part = band[self._window]
        squares = self._summed(part * part * self._weight)
        return float(np.sqrt(np.quantile(squares[self._full] / self._counts[self._full], calm)))

    def _summed(self, plane: Plane) -> Plane:
        return np.asarray(plane.reshape(self._grid).sum(axis=(1, 3)), np.float32)


def _sharpening(wanted: Plane, own: Plane) -> float:
    """How much of its own band a fill lacks, judged by strong structure on either side."""
    # A few thousand samples estimate a quantile as well as a million pixels do.
    strong_wanted, strong_own = (
        float(np.quantile(np.abs(band[:: 1 + len(band) // 20000]), 0.95)) for band in (wanted, own)
    )
    if strong_own < 0.5 or strong_wanted <= strong_own:
        return 0.0
    return strong_wanted / strong_own - 1.0
