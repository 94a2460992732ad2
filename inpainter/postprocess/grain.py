"""Matching a fill's noise and sharpness to the picture round its hole.

A network paints the mean of what it cannot know, which has no grain, and its fill is made at a few
hundred pixels and brought up to the face's size, so it is smoother than the photo. Both are
compared in octave bands of luminance; what the fill lacks is added: of what was enlarged, first by
sharpening what structure it has; then as noise of the missing energy.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from inpainter.data.framing import missing_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inpainter.postprocess.guided_filter import Plane
    from weights.base.contracts import Image, Mask

DEVIATIONS = (0.7, 1.4, 2.8)
"""Standard deviations in pixels of the Gaussians between which the bands lie."""
GUARD = 2.0 * DEVIATIONS[-1]
"""Distance in pixels from a hole's rim from which the widest Gaussian does not reach over it."""
CALM = (0.52, 0.25, 0.25)
"""In each band, the share of blocks that are calmer than what counts as noise: in the finest band
most is noise, in the coarser ones much is structure."""
CALMEST = 0.1
"""Share of blocks that are calmer than what can only be noise."""
MOST_SHARPENING = 0.2
"""Largest share of a band that is added to itself.

More would bring out the fine grid that networks with sub-pixel outputs leave in skin.
"""
MOST_NOISE = 8.0
"""Largest standard deviation of noise per band, in grey levels."""
TILE = 256
"""Side in pixels of the noise that is repeated over a fill."""
BLOCK = 8
"""Side in pixels of the blocks in which noise is measured."""
LEAST_PIXELS = 64
"""Fewer pixels than this on either side say nothing about noise."""


class RimDistances(NamedTuple):
    """How far the pixels of a picture are from the rim of a hole in it.

    Attributes:
        outside: of known pixels, float32 `(H, W)`, in pixels; 0 in the hole.
        inside: of missing pixels; 0 outside the hole.
    """

    outside: Plane
    inside: Plane

    @classmethod
    def of(cls, hole: Mask) -> RimDistances:
        """Measure them for a hole, bool `(H, W)`."""
        outside, inside = (
            np.asarray(cv2.distanceTransform(side.view(np.uint8), cv2.DIST_L2, 3), np.float32)
            for side in (~hole, hole)
        )
        return cls(outside, inside)

    @property
    def around(self) -> Mask:
        """Known pixels `(H, W)` whose bands the hole does not touch."""
        return self.outside > GUARD

    @property
    def within(self) -> Mask:
        """Missing pixels `(H, W)` whose bands the photo does not touch."""
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
    """Bring a fill to the sharpness and the noise of its surroundings.

    A fill that is as sharp and as noisy as the picture round it already comes back unchanged, and
    so does every fill in a picture without noise. The noise is the same for every call.

    Noise is no more than the calmer of two surroundings has: the whole ring, and its part above the
    hole. Below a face's hole there may be nothing but a beard, a scarf or a collar, whose structure
    would pass for noise; above it there is skin.

    Args:
        fill: uint8 RGB `(H, W, 3)`; only what lies in the hole is changed.
        image: uint8 RGB `(H, W, 3)`; only what lies outside the hole is read.
        hole: bool `(H, W)`.
        ring: width of the ring round the hole that is looked at, as a share of the hole's extent
            (the square root of its area).
        enlarged: how many times the fill's side was enlarged after it was made. Only the finest
            band of a fill that was not gets noise, for its coarser bands hold what was painted.
        spared: by how many grey levels the calmest parts of a fill may have too little noise, and
            it gets none: noise is everywhere, while skin and hair have texture of their own.
        distances: from the hole's rim, where they are known already.

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
    """Where a picture lies in the hole's columns and above the middle of its rows."""
    top, bottom, left, right = missing_box(hole)
    above = np.zeros_like(hole)
    above[: (top + bottom) // 2, left:right] = True
    return above


def luminance_of(image: Image) -> Plane:
    """Luminance `(H, W)`, 0 to 255, of a picture `(H, W, 3)`."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)


@functools.cache
def _noise_tiles() -> tuple[Plane, ...]:
    """Bands of white noise `(TILE, TILE)`, of unit deviation each, that repeat without a seam."""
    white = np.random.default_rng(0).standard_normal((TILE, TILE), dtype=np.float32)
    pad = 16
    bands = bands_of(np.pad(white, pad, mode="wrap"))
    tiles = [band[pad:-pad, pad:-pad] for band in bands]
    return tuple(np.asarray(tile / tile.std(), np.float32) for tile in tiles)


def bands_of(plane: Plane, deviations: Sequence[float] = DEVIATIONS) -> list[Plane]:
    """Give the bands of a plane between Gaussians of these deviations, finest first."""
    bands = []
    finer = plane
    for deviation in deviations:
        coarser = np.asarray(cv2.GaussianBlur(plane, (0, 0), deviation), np.float32)
        bands.append(np.asarray(finer - coarser, np.float32))
        finer = coarser
    return bands


class _Blocks:
    """The small blocks of a picture that lie at least half in a part of it.

    Args:
        where: bool `(H, W)`, the part, at least one True pixel.
    """

    def __init__(self, where: Mask) -> None:
        top, bottom, left, right = missing_box(where)
        # Blocks are counted from the picture's corner; what is left at its end is none.
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
        """Standard deviation of the noise in a band `(H, W)`, from its calmer parts.

        The local deviation is taken in the blocks; a low quantile over them leaves out hair, eyes
        and edges, which are structure and no noise.
        """
        if not self._full.any():
            return 0.0
        part = band[self._window]
        squares = self._summed(part * part * self._weight)
        return float(np.sqrt(np.quantile(squares[self._full] / self._counts[self._full], calm)))

    def _summed(self, plane: Plane) -> Plane:
        return np.asarray(plane.reshape(self._grid).sum(axis=(1, 3)), np.float32)


def _sharpening(wanted: Plane, own: Plane) -> float:
    """How much of its band a fill needs more, judged by the strong structure on either side."""
    # A few thousand samples tell a quantile as well as a million pixels do.
    strong_wanted, strong_own = (
        float(np.quantile(np.abs(band[:: 1 + len(band) // 20000]), 0.95)) for band in (wanted, own)
    )
    if strong_own < 0.5 or strong_wanted <= strong_own:
        return 0.0
    return strong_wanted / strong_own - 1.0
