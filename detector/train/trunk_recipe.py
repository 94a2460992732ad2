"""Common recipe of networks on EfficientNet-Lite's trunk."""

from __future__ import annotations

from dataclasses import dataclass

from detector.train.recipe import Recipe
from weights.base.errors import ConfigurationError


@dataclass(frozen=True)
class TrunkRecipe(Recipe):
    """Training settings of such a network.

    Attributes:
        frozen_stages: number of the trunk's first stages that stay frozen, with its stem; as they
            have the highest resolution, that saves a third of the time.
        steps: optimiser steps.
        batch: samples in a step.
        learning_rate: peak rate of all but the trunk; the rates warm up over the first hundredth of
            the steps and decay along a cosine.
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
