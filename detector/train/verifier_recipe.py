"""How a verifier is trained, read from YAML."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.base.settings import read_yaml, settings_from_mapping

if TYPE_CHECKING:
    import os

RECIPES = Path(__file__).parents[1] / "recipes" / "verifier"
"""Folder of the recipes that come with the package."""


@dataclass(frozen=True)
class VerifierRecipe:
    """How a verifier is trained.

    Attributes:
        encoder: what the encoder starts from, "imagenet" features or "chance".
        frozen_stages: so many of the encoder's first stages keep the weights that they start from,
            with its stem; as they are the finest, that saves a third of the time.
        steps: optimiser steps.
        batch: cuts in a step.
        encoder_rate: learning rate of the encoder, at its height.
        learning_rate: of all else; both rise over the first hundredth and fall by a cosine.
        weight_decay: of AdamW.
        outline_weight: weight of the outlines' loss beside that of the score.
        precision: as Lightning names it.
        drawn: share of masks that are drawn on faces, whose straps are known, in a batch.
        photographed: share of photographed masks with outlines.
        boxed: share of photographed masks without outlines.
        unmasked: share of cuts without a mask.

    Raises:
        ConfigurationError: a number is not above 0.
    """

    encoder: Literal["imagenet", "chance"] = "imagenet"
    frozen_stages: int = 0
    steps: int = 6000
    batch: int = 16
    encoder_rate: float = 3e-4
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    outline_weight: float = 1.0
    precision: str = "bf16-mixed"
    drawn: float = 0.37
    photographed: float = 0.33
    boxed: float = 0.08
    unmasked: float = 0.22

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0, but is {getattr(self, name)!r}.")

    def with_changes(self, changes: dict[str, Any]) -> VerifierRecipe:
        """A copy with some fields changed.

        Raises:
            ConfigurationError: a key is unknown, with the nearest one named, or a value is wrong.
        """
        values = {**asdict(self), **changes}
        return settings_from_mapping(VerifierRecipe, values, "a verifier's recipe")


def read_verifier_recipe(name_or_path: str | os.PathLike[str]) -> VerifierRecipe:
    """Read a recipe by its name, such as "cpu", or from a YAML file.

    Raises:
        ConfigurationError: there is no such recipe, a key is unknown or a value is wrong.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = RECIPES / f"{name_or_path}.yaml"
        if not path.is_file():
            known = sorted(recipe.stem for recipe in RECIPES.glob("*.yaml"))
            raise unknown_name("recipe of the verifier", str(name_or_path), known)
    return VerifierRecipe().with_changes(read_yaml(path))
