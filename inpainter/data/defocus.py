"""Photos that are out of focus or shaken, which portraits for training hardly ever are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image

_BLURS: Final = (0.6, 3.5)
"""Range of the blur's standard deviation, in pixels at a picture size of 256; scaled for others."""

_LOUDEST: Final = 4.0
"""Largest standard deviation of the noise, in grey levels; half of the pictures have none."""


@dataclass(frozen=True)
class Defocus:
    """A blur and the noise that the sensor adds to it.

    Attributes:
        deviation: standard deviation of the blur, in pixels.
        noise: float32 `(H, W, 1)`, in grey levels.
    """

    deviation: float
    noise: NDArray[np.float32]

    @classmethod
    def draw(cls, size: int, random: np.random.Generator) -> Defocus:
        """Draw one for pictures of `size` x `size` pixels."""
        deviation = random.uniform(*_BLURS) * size / 256
        level = max(0.0, random.uniform(-_LOUDEST, _LOUDEST))
        noise = random.normal(0.0, 1.0, (size, size, 1)).astype(np.float32)
        return cls(deviation, np.float32(level) * noise)

    def __call__(self, picture: Image) -> Image:
        """Blur a picture, uint8 RGB `(H, W, 3)`, and add the noise."""
        blurred = np.asarray(cv2.GaussianBlur(picture, (0, 0), self.deviation))
        return np.clip(np.rint(blurred + self.noise), 0, 255).astype(np.uint8)
