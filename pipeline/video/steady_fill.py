"""Stabilising the fill of a face from frame to frame.

An inpainter invents each frame's lower face anew, so mouth and nose jitter. Here the fills of one
face are averaged, weighted towards the newest, on a canvas that moves with the face: each fill is
resampled onto it once and the mean is resampled back once, so blur does not accumulate.

Averaging fills that differ in every pore blurs them, so only the coarse structure comes from the
mean. Fine detail comes from one fill, which is kept as long as it agrees with the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.crop import Crop
from pipeline.video.similarity import Matrix, inverse, scale_of, scaling_and_shift
from weights.base.contracts import Image, Mask

LEAST_SIDE, MOST_SIDE = 160, 640
"""Bounds of the canvas's side in pixels; networks fill at a few hundred."""
OVERSAMPLING = 1.25
"""Canvas pixels per picture pixel, within the bounds, so that resampling blurs less."""
DISAGREEMENT = 24.0
"""Mean difference in grey levels between the mean and a new fill, outside the hole, at which most
of the past is discarded: the head turned, or the light changed."""

COARSE = 10.0
"""Standard deviation, in canvas pixels, of the Gaussian that separates coarse from fine."""
STALE_SCALE = 4.0
"""The same, for comparing the fill whose detail is kept with the mean."""
STALE = (8.0, 16.0)
"""Mean differences in grey levels at which the newest fill starts and finishes replacing that fill:
the mouth moved."""
DOUBTED = (0.8, 0.4)
"""The same for the fraction of the past that is kept: the head turned, or its motion is unknown."""

Plane = NDArray[np.float32]

_WHOLE = 0.999
"""Coverage from which a resampled pixel counts as made of known pixels only."""


@dataclass(eq=False)
class _Canvas:
    """The mean so far.

    Attributes:
        mean: `(side, side, 3)`, in grey levels.
        detail: the fill whose detail is shown, likewise.
        known: `(side, side)`, 1 where there is a mean, else 0.
        part: `(side, side)`, 1 inside the newest hole, -1 outside, 0 at its edge.
        frames: effective number of frames in the mean.
    """

    mean: Plane
    detail: Plane
    known: Plane
    part: Plane
    frames: float


class SteadyFill:
    """The running mean of one face's fills, with the detail of one of them.

    Args:
        own_detail: show each fill with its own detail instead, for fills whose detail is stable.
    """

    def __init__(self, *, own_detail: bool = False) -> None:
        self._own_detail = own_detail
        self._canvas: _Canvas | None = None

    def steady(
        self,
        fill: Image,
        missing: Mask,
        crop: Crop,
        pose: Matrix,
        *,
        steadiness: float,
        trust: float = 1.0,
    ) -> Image:
        """Add the next frame's fill and return the mean as a crop of that frame.

        Args:
            fill: the filled crop, uint8 RGB `(side, side, 3)`, generated outside the hole too.
            missing: bool `(side, side)`, the hole.
            crop: where in the picture it is.
            pose: maps pixels of the picture to the canvas, whose sides go from 0 to 1.
            steadiness: largest fraction of the mean that is kept, 0 to below 1.
            trust: trust in the pose, 0 to 1; 0 discards the past.
        """
        if steadiness <= 0.0:
            return fill
        canvas = self._canvas
        if canvas is None:
            canvas = self._canvas = _empty_canvas(OVERSAMPLING / scale_of(pose))
        side = len(canvas.mean)
        centres = scaling_and_shift(1.0, crop.x0 + 0.5, crop.y0 + 0.5)
        to_canvas = scaling_and_shift(side, -0.5, -0.5) @ pose @ centres
        values = _warped(fill.astype(np.float32), to_canvas, side, cv2.INTER_CUBIC)
        here = _warped(np.ones(missing.shape, np.float32), to_canvas, side, border=0.0) >= _WHOLE
        part = _parts(missing, to_canvas, side)
        kept = trust * _agreement(canvas, values, here & (part < 0.0))
        canvas.frames = min(kept * canvas.frames + 1.0, 1.0 / (1.0 - steadiness))
        # Where the hole's edge passed, the past shows the picture, perhaps even a rim of the mask.
        alike = (canvas.known > 0.0) & (part == canvas.part) & (part != 0.0)
        share = np.where(alike, np.float32(1.0 / canvas.frames), np.float32(1.0)) * here
        canvas.mean += share[:, :, None] * (values - canvas.mean)
        if self._own_detail:
            canvas.detail = values
        else:
            apart = _coarse(canvas.mean - canvas.detail, part > 0.0, STALE_SCALE)
            stale = np.abs(apart).mean(axis=2)
            renewed = np.maximum(_ramp(stale, STALE), _ramp(kept, DOUBTED))
            renewed = np.where(alike & (part > 0.0), renewed, np.float32(1.0)) * here
            canvas.detail += renewed[:, :, None] * (values - canvas.detail)
        canvas.part = np.where(here, part, canvas.part)
        canvas.known = np.maximum(canvas.known, here.astype(np.float32))
        return self._shown(canvas, fill, to_canvas)

    def move(self, matrix: Matrix) -> None:
        """Map the mean onto another canvas; `matrix` maps points of the old one to the new."""
        canvas = self._canvas
        if canvas is None:
            return
        side = len(canvas.mean)
        pixels = scaling_and_shift(side, -0.5, -0.5)
        affine = pixels @ matrix @ inverse(pixels)
        canvas.mean = _warped(canvas.mean, affine, side, cv2.INTER_CUBIC)
        canvas.detail = _warped(canvas.detail, affine, side, cv2.INTER_CUBIC)
        known = _warped(canvas.known, affine, side, border=0.0)
        canvas.known = (known >= _WHOLE).astype(np.float32)
        part = _warped(canvas.part, affine, side)
        canvas.part = np.where(np.abs(part) >= _WHOLE, np.sign(part), 0.0).astype(np.float32)

    def state(self) -> dict[str, Any] | None:
        """What is needed to resume later, including arrays; None before the first fill."""
        return None if self._canvas is None else dict(vars(self._canvas))

    @classmethod
    def from_state(cls, state: dict[str, Any] | None, *, own_detail: bool = False) -> SteadyFill:
        """Resume from a state."""
        steady = cls(own_detail=own_detail)
        steady._canvas = None if state is None else _Canvas(**state)
        return steady

    def _shown(self, canvas: _Canvas, fill: Image, to_canvas: Matrix) -> Image:
        """The mean with detail, as a crop; the fill itself where there is no mean."""
        coarse = _coarse(canvas.mean - canvas.detail, canvas.part > 0.0, COARSE)
        if self._own_detail:
            shown = fill + _warped_back(coarse, to_canvas, fill, cv2.INTER_LINEAR)
        else:
            shown = _warped_back(canvas.detail + coarse, to_canvas, fill, cv2.INTER_CUBIC)
        known = _warped_back(canvas.known, to_canvas, fill, cv2.INTER_LINEAR) >= _WHOLE
        result = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
        return np.where(known[:, :, None], result, fill)


def _empty_canvas(side: float) -> _Canvas:
    side = int(np.clip(round(side), LEAST_SIDE, MOST_SIDE))
    mean = np.zeros((side, side, 3), np.float32)
    return _Canvas(mean, mean.copy(), mean[:, :, 0].copy(), mean[:, :, 0].copy(), 0.0)


def _warped(
    plane: Plane,
    matrix: Matrix,
    side: int,
    way: int = cv2.INTER_LINEAR,
    *,
    border: float | None = None,
) -> Plane:
    """Warp a plane onto a canvas; beyond its edge is `border`, or the edge's value."""
    mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
    warped = cv2.warpAffine(
        plane, matrix[:2], (side, side), flags=way, borderMode=mode, borderValue=border or 0.0
    )
    return np.asarray(warped, np.float32)


def _parts(missing: Mask, to_canvas: Matrix, side: int) -> Plane:
    """1 inside a hole, -1 outside, 0 within a pixel or so of its edge, where resampling mixes."""
    kernel = np.ones((3, 3), np.uint8)
    solid = missing.astype(np.float32)
    core = _warped(np.asarray(cv2.erode(solid, kernel), np.float32), to_canvas, side)
    halo = _warped(np.asarray(cv2.dilate(solid, kernel), np.float32), to_canvas, side)
    inside, outside = core >= _WHOLE, halo <= 1.0 - _WHOLE
    return inside.astype(np.float32) - outside.astype(np.float32)


def _agreement(canvas: _Canvas, values: Plane, where: Mask) -> float:
    """How well a new fill agrees with the mean outside the hole, 0 to 1."""
    step = max(1, len(where) // 128)
    coarse = (slice(None, None, step), slice(None, None, step))
    seen = where[coarse] & (canvas.known[coarse] > 0.0)
    if np.count_nonzero(seen) < 16:
        return 1.0
    apart = np.abs(values[coarse] - canvas.mean[coarse])[seen].mean()
    return float(np.exp(-((float(apart) / DISAGREEMENT) ** 2)))


def _warped_back(plane: Plane, to_canvas: Matrix, crop: Image, way: int) -> Plane:
    """Warp a plane of the canvas back to a crop."""
    size = (crop.shape[1], crop.shape[0])
    flags = way | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, to_canvas[:2], size, flags=flags), np.float32)


def _coarse(plane: Plane, hole: Mask, scale: float) -> Plane:
    """Blur a plane `(side, side, 3)` inside a hole; outside it is unchanged."""
    inside = hole.astype(np.float32)
    share = cv2.GaussianBlur(inside, (0, 0), scale)[:, :, None]
    blurred = cv2.GaussianBlur(plane * inside[:, :, None], (0, 0), scale)
    return np.where(hole[:, :, None], blurred / np.maximum(share, 1e-3), plane)


def _ramp(value: Any, ends: tuple[float, float]) -> Any:
    """Linear ramp: 0 up to the first end, 1 from the second on."""
    return np.clip((value - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)
