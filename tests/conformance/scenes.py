"""Pictures and holes on which stages are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from weights.base.contracts import Hole, Image

SIZES = ((1, 1), (1, 9), (7, 1), (2, 3), (17, 31), (64, 64), (97, 140))
"""Heights and widths, from a single pixel to a small photo with odd sides."""


def scene(size: tuple[int, int], seed: int = 0) -> Image:
    """A smooth coloured picture with some noise, uint8 RGB `(H, W, 3)`."""
    random = np.random.default_rng([seed, *size])
    coarse = random.uniform(40, 215, (4, 4, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC).reshape(*size, 3)
    return np.clip(smooth + random.normal(0, 3, (*size, 3)), 0, 255).astype(np.uint8)


def disc(
    size: tuple[int, int], centre: tuple[float, float] = (0.5, 0.5), radius: float = 0.25
) -> Hole:
    """A disc; its centre is given as shares of height and width, its radius of the longer side."""
    y, x = np.mgrid[: size[0], : size[1]]
    reach = max(radius * max(size), 0.75)
    distance = np.hypot(y - centre[0] * (size[0] - 1), x - centre[1] * (size[1] - 1))
    return np.asarray(distance <= reach)


def holes(size: tuple[int, int]) -> dict[str, Hole]:
    """Holes of every awkward sort, by name; all but "empty" have a pixel at least."""
    corner = np.zeros(size, np.bool_)
    corner[: size[0] // 2 + 1, : size[1] // 2 + 1] = True
    pixel = np.zeros(size, np.bool_)
    pixel[size[0] // 2, size[1] // 2] = True
    random = np.random.default_rng(size)
    made = {
        "empty": np.zeros(size, np.bool_),
        "full": np.ones(size, np.bool_),
        "middle": disc(size),
        "lower edge": disc(size, (1.0, 0.5), 0.3),
        "corner": corner,
        "pixel": pixel,
        "ring": disc(size, radius=0.4) & ~disc(size, radius=0.2),
        "specks": random.random(size) < 0.2,
        "all but one": ~pixel,
    }
    return {name: hole if hole.any() or name == "empty" else pixel for name, hole in made.items()}
