"""Lights a mask's surface like the face beneath it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.canvas import Canvas
from detector.synthesis.face_light import FaceLight


@dataclass(frozen=True)
class SurfaceLight:
    """Shading model of a surface: brightness by normal, and the light on the canvas.

    Attributes:
        gradient: change of brightness with the normal's x and y.
        frontal: loss of brightness of a surface not facing the camera.
        field: float32 canvas map of the light observed on the face.
        exposure: brightness of the light, linear.
    """

    gradient: tuple[float, float]
    frontal: float
    field: NDArray[np.float32]
    exposure: float


def surface_light(canvas: Canvas, light: FaceLight, random: np.random.Generator) -> SurfaceLight:
    """Derive the light on a mask from that on the face, with some randomness."""
    every = 4
    x, y = canvas.pixels(every)
    field = light.shade_at(x, y) ** np.float32(random.uniform(0.4, 0.8))
    # Light mostly comes from above; folds are visible only in such light.
    downward = 0.65 * light.gradient[1] + random.uniform(-0.6, -0.1)
    sideward = 0.85 * light.gradient[0] + random.normal(0.0, 0.15)
    return SurfaceLight(
        gradient=(sideward, downward),
        frontal=random.uniform(0.2, 0.8),
        field=canvas.enlarge(field, every),
        exposure=light.white * float(np.exp(random.normal(0.05, 0.15))),
    )


def shade_relief(relief: NDArray[np.float32], shading: SurfaceLight) -> NDArray[np.float32]:
    """Brightness, around 1, of a relief `(h, w)`, in canvas pixels of height."""
    slope_x = cv2.Scharr(relief, cv2.CV_32F, 1, 0, scale=1 / 32)
    slope_y = cv2.Scharr(relief, cv2.CV_32F, 0, 1, scale=1 / 32)
    facing = 1.0 / np.sqrt(1.0 + slope_x * slope_x + slope_y * slope_y)
    gradient_x, gradient_y = shading.gradient
    bright = (
        1.0
        - facing * (np.float32(gradient_x) * slope_x + np.float32(gradient_y) * slope_y)
        + np.float32(shading.frontal) * (facing - 1.0)
    )
    return np.maximum(bright, 0.12) * shading.field


def linear(colour: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert sRGB values `(...)`, 0 to 255, to linear float32 ones, 0 to 1, by squaring."""
    return np.square(colour.astype(np.float32) / np.float32(255.0))


def light_colour(
    colour: NDArray[np.float32], light: FaceLight, exposure: float
) -> NDArray[np.float32]:
    """The linear colour of a material of linear `colour` `(..., 3)` in the photo's light."""
    tinted = colour
    if light.chroma < 1.0:
        grey = colour @ np.array([0.25, 0.6, 0.15], np.float32)
        tinted = grey[..., None] + np.float32(light.chroma) * (colour - grey[..., None])
    return tinted * (light.tint * exposure).astype(np.float32)


def shoulder(colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compress linear values smoothly towards 1, like a camera's tone curve."""
    knee = np.float32(0.72)
    over = np.maximum(colour - knee, 0.0)
    span = np.float32(1.0) - knee
    return np.minimum(colour, knee) + span * over / (over + span)
