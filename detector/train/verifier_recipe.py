"""How a verifier is trained, read from YAML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from detector.train.recipe import recipe_file
from detector.train.trunk_recipe import TrunkRecipe
from weights.base.settings import read_yaml

if TYPE_CHECKING:
    import os

RECIPES = Path(__file__).parents[1] / "recipes" / "verifier"
"""Folder of the recipes that come with the package."""


@dataclass(frozen=True)
class VerifierRecipe(TrunkRecipe):
    """How a verifier is trained, beside what `TrunkRecipe` says.

    Attributes:
        encoder: what the encoder, the network's trunk, starts from: "imagenet" features or
            "chance".
        encoder_rate: learning rate of the encoder, at its height.
        outline_weight: weight of the outlines' loss beside that of the score.
        drawn: share of masks that are drawn on faces, whose straps are known, in a batch.
        photographed: share of photographed masks with outlines.
        boxed: share of photographed masks without outlines.
        unmasked: share of crops without a mask.
    """

    what = "a verifier's recipe"

    encoder: Literal["imagenet", "chance"] = "imagenet"
    encoder_rate: float = 3e-4
    outline_weight: float = 1.0
    drawn: float = 0.37
    photographed: float = 0.33
    boxed: float = 0.08
    unmasked: float = 0.22


def read_verifier_recipe(name_or_path: str | os.PathLike[str]) -> VerifierRecipe:
    """Read a recipe by its name, such as "cpu", or from a YAML file.

    Raises:
        ConfigurationError: there is no such recipe, a key is unknown or a value is wrong.
    """
    file = recipe_file(RECIPES, "recipe of the verifier", name_or_path)
    return VerifierRecipe().with_changes(read_yaml(file))
