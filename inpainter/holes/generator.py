"""The interface of all hole generators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Hole
from weights.base.errors import ConfigurationError, InputError


class HoleGenerator(Protocol):
    """Generates one hole for one picture."""

    def __call__(
        self,
        landmarks: NDArray[np.floating] | None,
        size: tuple[int, int],
        random: np.random.Generator,
    ) -> Hole:
        """Generate one hole.

        Args:
            landmarks: the face's iBUG points `(68, 2)`, x y in pixels of the picture; None if
                unknown. Generators independent of the face ignore them.
            size: height and width of the picture.
            random: random generator; equal states give equal holes.

        Returns:
            Bool `(H, W)`, True where pixels are missing.
        """
        ...


class FacelessHoles(ABC):
    """A generator whose holes do not depend on the face."""

    def __call__(
        self,
        landmarks: NDArray[np.floating] | None,  # noqa: ARG002
        size: tuple[int, int],
        random: np.random.Generator,
    ) -> Hole:
        """Draw one hole; see `HoleGenerator`."""
        return self.draw(check_size(size), random)

    @abstractmethod
    def draw(self, size: tuple[int, int], random: np.random.Generator) -> Hole:
        """Generate one hole for a picture of at least one pixel."""


def mirrored(hole: Hole, random: np.random.Generator) -> Hole:
    """Mirror a hole `(H, W)` horizontally and vertically, each with probability 0.5."""
    for axis in (1, 0):
        if random.random() < 0.5:
            hole = np.flip(hole, axis)
    return np.ascontiguousarray(hole)


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) as ints.

    Raises:
        InputError: a side is shorter than one pixel.
    """
    height, width = int(size[0]), int(size[1])
    if height < 1 or width < 1:
        raise InputError(
            f"A hole needs a picture of at least one pixel, but got height {height}, width {width}."
        )
    return height, width


def check_range(
    values: tuple[float, float], what: str, lowest: float = 0.0, highest: float = float("inf")
) -> tuple[float, float]:
    """Return a (smallest, largest) pair as floats.

    Raises:
        ConfigurationError: this is not an ordered pair within `lowest` to `highest`.
    """
    try:
        smallest, largest = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{what} must be two numbers, but is {values!r}.") from error
    if not lowest <= smallest <= largest <= highest:
        raise ConfigurationError(
            f"{what} must be two numbers in order between {lowest:g} and {highest:g}, "
            f"but is {values!r}."
        )
    return smallest, largest
