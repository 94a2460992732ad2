"""Degradations by cameras and web sites: blur, noise, bad light, colour casts, JPEG artefacts."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from weights.base.contracts import Image
from weights.images.decoding import compress_jpeg


def motion_blur(image: Image, length: int, angle: float) -> Image:
    """Blur a picture `(H, W, 3)` along a line of `length` pixels at `angle` degrees."""
    length = max(3, length | 1)
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    centre = (length - 1) / 2.0
    turn = cv2.getRotationMatrix2D((centre, centre), angle, 1.0)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), dtype=np.float32)
    weights = kernel / max(float(kernel.sum()), 1e-6)
    return np.asarray(cv2.filter2D(image, -1, weights), dtype=np.uint8)


def sensor_noise(image: Image, strength: float, random: np.random.Generator) -> Image:
    """Add grain of standard deviation `strength` (of 255), partly shared by all channels."""
    height, width = image.shape[:2]
    grain = random.standard_normal((height, width, 1), dtype=np.float32)
    if random.random() < 0.5:
        grain = 0.6 * grain + 0.8 * random.standard_normal((height, width, 3), dtype=np.float32)
    if random.random() < 0.3:
        grain = cv2.GaussianBlur(grain, (0, 0), 0.8).reshape(height, width, -1) * 2.0
    return np.clip(image + strength * grain, 0, 255).astype(np.uint8)


def relight(image: Image, exposure: float, gamma: float, cast: Sequence[float]) -> Image:
    """Multiply by 2 to the power `exposure`, apply `gamma`, and scale the channels by `cast`."""
    ramp = np.arange(256, dtype=np.float32) / 255.0
    curve = 2.0**exposure * ramp**gamma
    table = np.stack([np.clip(curve * share, 0.0, 1.0) for share in cast], axis=-1)
    bent = cv2.LUT(image, np.rint(table * 255).astype(np.uint8)[None])
    return np.asarray(bent, dtype=np.uint8)


def degrade(image: Image, random: np.random.Generator) -> tuple[Image, list[str]]:
    """Apply a random selection of degradations; none of them moves a pixel.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        random: random generator.

    Returns:
        The degraded picture, of equal shape, and the names of the degradations applied.
    """
    height, width = image.shape[:2]
    extent = max(height, width)
    applied: list[str] = []

    light = random.random()
    cast = (1.0, 1.0, 1.0)
    exposure, gamma = random.normal(0.0, 0.15), float(np.exp(random.normal(0.0, 0.12)))
    if light < 0.10:
        exposure, gamma = random.uniform(-1.8, -0.6), random.uniform(1.0, 1.4)
        applied.append("low light")
    elif light < 0.18:
        exposure, gamma = random.uniform(0.3, 0.8), random.uniform(0.75, 1.0)
        applied.append("over-exposure")
    if random.random() < 0.25:
        warm, green = random.uniform(-0.25, 0.25), random.uniform(-0.08, 0.08)
        cast = (1.0 + warm, 1.0 + green, 1.0 - warm)
        applied.append("colour cast")
    image = relight(image, exposure, gamma, cast)

    if random.random() < 0.08:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        image = np.repeat(np.asarray(grey, dtype=np.uint8)[:, :, None], 3, axis=2)
        applied.append("grey")

    blur = random.random()
    if blur < 0.10:
        image = motion_blur(
            image, round(random.uniform(0.006, 0.025) * extent), random.uniform(0.0, 180.0)
        )
        applied.append("motion blur")
    elif blur < 0.35:
        deviation = random.uniform(0.4, 0.0035 * extent + 0.5)
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), deviation), dtype=np.uint8)
        applied.append("blur")
    elif blur < 0.50:
        share = random.uniform(0.35, 0.8)
        small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        how = cv2.INTER_LINEAR if random.random() < 0.5 else cv2.INTER_CUBIC
        image = np.asarray(cv2.resize(small, (width, height), interpolation=how), dtype=np.uint8)
        applied.append("low resolution")
    elif blur < 0.62:
        soft = cv2.GaussianBlur(image, (0, 0), 1.2)
        image = np.asarray(cv2.addWeighted(image, 1.6, soft, -0.6, 0.0), dtype=np.uint8)
        applied.append("sharpening")

    if random.random() < (0.8 if "low light" in applied else 0.25):
        image = sensor_noise(image, random.gamma(2.0, 3.0) + 1.0, random)
        applied.append("noise")
    if random.random() < 0.35:
        image = compress_jpeg(image, int(random.integers(18, 80)))
        applied.append("JPEG")
    return image, applied
