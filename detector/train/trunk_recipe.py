"""What recipes of networks on EfficientNet-Lite's trunk have in common."""

from __future__ import annotations

from dataclasses import dataclass

from detector.train.recipe import Recipe
from weights.base.errors import ConfigurationError


@dataclass(frozen=True)
class TrunkRecipe(Recipe):
    """How such a network is trained.

    Attributes:
        frozen_stages: so many of the trunk's first stages keep what they start from, with its stem;
            as they are the finest, that saves a third of the time.
        steps: optimiser steps.
        batch: samples in a step.
        learning_rate: of all but the trunk, at its height; the rates rise over the first hundredth
            of the steps and fall by a cosine.
        weight_decay: of AdamW.
        precision: as Lightning names it.

    Raises:
        ConfigurationError: a number is not above 0.
    """

    frozen_stages: int = 0
    steps: int = 6000
    batch: int = 16
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    precision: str = "bf16-mixed"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0, but is {getattr(self, name)!r}.")
