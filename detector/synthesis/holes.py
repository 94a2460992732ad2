"""Holes in the shape of worn masks, for training and evaluating completion networks.

Inpainter recipes name this generator by its dotted path; the packages are otherwise independent.
"""

from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.outline import MASK_KINDS, WORN, MaskOutline, OutlineStyle, fit_outline
from detector.synthesis.wearing import body_contour, vary_outline
from weights.base.contracts import Hole

_STYLES: tuple[OutlineStyle, ...] = get_args(OutlineStyle)


class FaceMaskHoles:
    """Draws the hole of a mask on a face, grown like the pipeline's refiner does.

    Args:
        growth: range of the growth past the mask's edge, as a fraction of the mask's width.
        wobble: largest low-frequency deviation of the outline, as a fraction of the mask's width;
            it simulates detector errors and keeps a network from overfitting to one family of
            outlines.
        strap_chance: probability that the hole includes the straps.
        varied_share: probability that a mask is worn like drawn masks: crooked, loose, with uneven
            edges, of any style, sometimes slid down.
        worn: probability of each way of `WORN` for a varied mask.
        widened: range of a factor of the mask's width at half its height and below; a third of it
            at the upper corners. Photographed masks stand off the cheeks, so they reach further
            past the jaw than drawn ones.
        lengthened: range of a factor of its height below the upper corners. Photographed masks end
            nearer to the chin.
    """

    def __init__(
        self,
        growth: tuple[float, float] = (0.0, 0.08),
        wobble: float = 0.04,
        strap_chance: float = 0.25,
        varied_share: float = 0.0,
        worn: tuple[float, ...] = (0.9, 0.06, 0.04),
        widened: tuple[float, float] = (1.0, 1.0),
        lengthened: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        self.growth = (float(growth[0]), float(growth[1]))
        self.wobble = float(wobble)
        self.strap_chance = float(strap_chance)
        self.varied_share = float(varied_share)
        self.worn = tuple(float(share) for share in worn)
        self.widened = (float(widened[0]), float(widened[1]))
        self.lengthened = (float(lengthened[0]), float(lengthened[1]))

    def __call__(
        self, landmarks: NDArray[np.floating], size: tuple[int, int], random: np.random.Generator
    ) -> Hole:
        """Draw one hole.

        Args:
            landmarks: iBUG points `(68, 2)`, x y in pixels of the picture.
            size: height and width of the picture.
            random: random generator.

        Returns:
            Bool `(H, W)`, True where a mask would hide the face, clipped to the picture.
        """
        if self.varied_share > 0.0 and random.random() < self.varied_share:
            style = _STYLES[random.integers(len(_STYLES))]
            worn = WORN[random.choice(len(WORN), p=self.worn)]
            outline = vary_outline(fit_outline(landmarks, style, random, worn=worn), random)
            contour = body_contour(outline, random)
        else:
            outline = fit_outline(landmarks, MASK_KINDS[random.integers(len(MASK_KINDS))], random)
            contour = outline.polygon
        # No random numbers are drawn for nothing: benchmark holes of a seed stay as they were.
        if self.widened != (1.0, 1.0) or self.lengthened != (1.0, 1.0):
            factors = random.uniform(*self.widened), random.uniform(*self.lengthened)
            contour = _resized(contour, outline, *factors)
        polygon = self._wobbled(contour, outline.width, random)
        canvas = np.zeros(size, np.uint8)
        # In sixteenths of a pixel.
        fixed = np.rint(polygon * 16.0).astype(np.int32)
        cv2.fillPoly(canvas, [fixed[:, None, :]], 1, lineType=cv2.LINE_8, shift=4)
        if random.random() < self.strap_chance:
            _draw_straps(canvas, landmarks, outline, random)
        radius = round(random.uniform(*self.growth) * outline.width)
        return grown(canvas, radius)

    def _wobbled(
        self, polygon: NDArray[np.float64], width: float, random: np.random.Generator
    ) -> NDArray[np.float64]:
        angle = np.linspace(0.0, 2.0 * np.pi, len(polygon), endpoint=False)
        offset = np.zeros(len(polygon))
        for frequency in range(1, 7):
            offset += random.normal(0.0, 1.0 / frequency) * np.sin(
                frequency * angle + random.uniform(0.0, 2.0 * np.pi)
            )
        centre = polygon.mean(axis=0)
        outward = polygon - centre
        outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
        amount = random.uniform(0.0, self.wobble) * width / 2.0
        shift = random.normal(0.0, self.wobble / 3.0, 2) * width
        return np.asarray(polygon + shift + amount * offset[:, None] * outward)


def _resized(
    contour: NDArray[np.float64], outline: MaskOutline, across: float, down: float
) -> NDArray[np.float64]:
    """Scale a contour about the middle between its upper corners, see `FaceMaskHoles`."""
    left, right = outline.top[0], outline.top[-1]
    axis = (right - left) / max(outline.width, 1e-6)
    normal = np.array([-axis[1], axis[0]])
    offset = contour - (left + right) / 2.0
    along, below = offset @ axis, offset @ normal
    depth = np.clip(2.0 * below / max(float(below.max()), 1e-6), 0.0, 1.0)
    along = along * (1.0 + (across - 1.0) * (1.0 + 2.0 * depth) / 3.0)
    below = np.where(below > 0.0, down * below, below)
    scaled = along[:, None] * axis + below[:, None] * normal
    return np.asarray((left + right) / 2.0 + scaled)


def _draw_straps(
    canvas: NDArray[np.uint8],
    landmarks: NDArray[np.floating],
    outline: MaskOutline,
    random: np.random.Generator,
) -> None:
    top, bottom, width = outline.top, outline.bottom, outline.width
    thickness = max(1, round(width * random.uniform(0.01, 0.04)))
    for ear, corners in ((0, (top[0], bottom[0])), (16, (top[-1], bottom[-1]))):
        for corner in corners:
            target = np.asarray(landmarks[ear]) + random.normal(0.0, 0.05, 2) * width
            ends = np.rint(np.stack([corner, target])).astype(int)
            cv2.line(canvas, ends[0].tolist(), ends[1].tolist(), 1, thickness)


def grown(canvas: NDArray[np.uint8], radius: int) -> Hole:
    """Dilate a canvas `(H, W)` by a disc with a radius in pixels: bool `(H, W)`."""
    if radius > 0:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        x, y, width, height = cv2.boundingRect(canvas)
        # In a large photo most of the canvas stays empty.
        near = np.s_[
            max(0, y - radius) : y + height + radius, max(0, x - radius) : x + width + radius
        ]
        canvas[near] = cv2.dilate(canvas[near], kernel)
    return canvas.astype(bool)
