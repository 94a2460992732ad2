"""Combined generators: one of several, or the union of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpainter.holes.generator import HoleGenerator, check_size
from inpainter.holes.registry import create_holes
from weights.base.contracts import Hole
from weights.base.errors import ConfigurationError

_TRIES = 100
"""Maximum attempts at a partial hole, as a picture of one pixel has none."""


def _build(
    parts: Sequence[str | Mapping[str, Any] | HoleGenerator], what: str
) -> list[HoleGenerator]:
    if isinstance(parts, str | Mapping) or not parts:
        raise ConfigurationError(f"A {what} of holes needs a list of at least one generator.")
    return [create_holes(part) for part in parts]


class MixtureHoles:
    """Picks one of several generators, each with its own probability.

    Args:
        parts: generators, or what `create_holes` takes.
        weights: relative probabilities; None for equal ones.

    Raises:
        ConfigurationError: there are no parts, or the weights do not match them.
    """

    def __init__(
        self,
        parts: Sequence[str | Mapping[str, Any] | HoleGenerator],
        weights: Sequence[float] | None = None,
    ) -> None:
        self.parts = _build(parts, "mixture")
        shares = np.ones(len(self.parts)) if weights is None else np.asarray(weights, np.float64)
        if (
            shares.shape != (len(self.parts),)
            or not (shares >= 0).all()
            or not 0 < shares.sum() < np.inf
        ):
            raise ConfigurationError(
                f"A mixture of {len(self.parts)} hole generators needs as many weights, none "
                f"negative and not all 0, but got {weights!r}."
            )
        self.weights = shares / shares.sum()

    def __call__(
        self,
        landmarks: NDArray[np.floating] | None,
        size: tuple[int, int],
        random: np.random.Generator,
    ) -> Hole:
        """Draw one hole; see `HoleGenerator`."""
        chosen = self.parts[random.choice(len(self.parts), p=self.weights)]
        return chosen(landmarks, size, random)


class UnionHoles:
    """The union of the holes of several generators.

    DeepFill v2 is trained on the union of "random-box" and "free-form".

    Args:
        parts: generators, or what `create_holes` takes.
        partial: whether empty holes and holes over the whole picture are redrawn, as in CoModGAN.

    Raises:
        ConfigurationError: there are no parts.
    """

    def __init__(
        self,
        parts: Sequence[str | Mapping[str, Any] | HoleGenerator],
        partial: bool = False,
    ) -> None:
        self.parts = _build(parts, "union")
        self.partial = bool(partial)

    def __call__(
        self,
        landmarks: NDArray[np.floating] | None,
        size: tuple[int, int],
        random: np.random.Generator,
    ) -> Hole:
        """Draw one hole; see `HoleGenerator`."""
        for _ in range(_TRIES if self.partial else 1):
            hole = np.zeros(check_size(size), bool)
            for part in self.parts:
                hole |= part(landmarks, size, random)
            if hole.any() and not hole.all():
                break
        return hole
