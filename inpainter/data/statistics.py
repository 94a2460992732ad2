"""Statistics of training pictures that some networks need as options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from weights.base.contracts import Image
from weights.base.names import unknown_name

STATISTICS: Final = ("mean", "deviation", "mean_colour")
"""Network options that can be measured: mean and standard deviation of each colour channel in
[-1, 1], and the mean colour in [0, 1]."""


def check_statistics(names: Iterable[str]) -> None:
    """Check that all of these can be measured.

    Raises:
        ConfigurationError: one cannot; the message suggests the nearest name.
    """
    for name in names:
        if name not in STATISTICS:
            raise unknown_name("measured option of the network", name, STATISTICS)


def colour_statistics(images: Iterable[Image]) -> dict[str, list[float]]:
    """Measure `STATISTICS` over all pixels of uint8 RGB pictures, with equal weight per picture."""
    means, squares = [], []
    for image in images:
        # Float64 sums of bytes and their squares are exact.
        pixels = image.reshape(-1, 3).astype(np.float64)
        means.append(pixels.mean(axis=0))
        squares.append(np.square(pixels).mean(axis=0))
    mean = np.mean(means, axis=0)
    deviation = np.sqrt(np.maximum(np.mean(squares, axis=0) - np.square(mean), 0.0))
    found = {
        "mean": mean / 127.5 - 1.0,
        "deviation": deviation / 127.5,
        "mean_colour": mean / 255.0,
    }
    return {name: [round(float(one), 6) for one in value] for name, value in found.items()}
