"""Procedural textures for backgrounds and occluders: fractal noise, gradients, stripes, shapes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image

Field = NDArray[np.float32]


def random_colour(random: np.random.Generator) -> NDArray[np.float32]:
    """Sample a colour `(3,)`, RGB 0 to 255: mostly muted, sometimes vivid, black or white."""
    hue, saturation, value = random.uniform(0, 179), random.beta(1.5, 2.5), random.beta(2.0, 1.6)
    pixel = np.array([[[hue, saturation * 255, value * 255]]], dtype=np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)


def fractal_noise(height: int, width: int, random: np.random.Generator, octaves: int = 4) -> Field:
    """Sum smooth noise of halving wavelength: float32 `(height, width)`, 0 to 1."""
    field = np.zeros((height, width), np.float32)
    cells = int(random.integers(2, 6))
    for octave in range(octaves):
        rows = min(height, cells * 2**octave)
        columns = min(width, cells * 2**octave)
        grid = random.random((rows, columns), dtype=np.float32)
        wave = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        field += np.asarray(wave, dtype=np.float32) / 2.0**octave
    low, high = float(field.min()), float(field.max())
    return (field - low) / max(high - low, 1e-6)


def gradient(height: int, width: int, random: np.random.Generator) -> Field:
    """A linear ramp in a random direction: float32 `(height, width)`, 0 to 1."""
    angle = random.uniform(0.0, 2.0 * np.pi)
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    field = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
    return np.asarray((field - field.min()) / max(float(np.ptp(field)), 1e-6), dtype=np.float32)


def stripes(height: int, width: int, random: np.random.Generator) -> Field:
    """Parallel soft-edged stripes: float32 `(height, width)`, 0 to 1."""
    angle = random.uniform(0.0, np.pi)
    period = random.uniform(0.02, 0.2) * max(height, width) + 2.0
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    phase = (np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y) * np.float32(
        2.0 * np.pi / period
    )
    return np.clip(0.5 + 2.0 * np.sin(phase), 0.0, 1.0).astype(np.float32)


def surface(height: int, width: int, random: np.random.Generator) -> Image:
    """Paint a surface of two or three colours: uint8 RGB `(height, width, 3)`."""
    kind = random.random()
    if kind < 0.45:
        field = fractal_noise(height, width, random)
    elif kind < 0.75:
        field = gradient(height, width, random)
    else:
        field = stripes(height, width, random)
    first, second = random_colour(random), random_colour(random)
    picture = first + field[..., None] * (second - first)
    if random.random() < 0.6:
        grain = fractal_noise(height, width, random, octaves=5)
        picture *= (0.75 + 0.5 * grain)[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def scatter_shapes(picture: Image, random: np.random.Generator, count: int) -> None:
    """Draw `count` filled rectangles, ellipses and quadrangles of plain colours into `picture`."""
    height, width = picture.shape[:2]
    for _ in range(count):
        colour = random_colour(random).tolist()
        extent = random.uniform(0.04, 0.4) * max(height, width)
        centre = random.uniform((0.0, 0.0), (width, height))
        angle = random.uniform(0.0, 360.0)
        size = (extent, extent * random.uniform(0.3, 1.0))
        if random.random() < 0.4:
            cv2.ellipse(picture, (centre.tolist(), size, angle), colour, -1, cv2.LINE_AA)
        else:
            corners = cv2.boxPoints((centre.tolist(), size, angle))
            corners += random.normal(0.0, 0.06 * extent, corners.shape)
            cv2.fillPoly(picture, [np.rint(corners).astype(np.int32)], colour, cv2.LINE_AA)
