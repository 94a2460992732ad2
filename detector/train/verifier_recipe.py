"""How a verifier is trained, read from YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from detector.train.recipe import RECIPES
from detector.train.trunk_recipe import TrunkRecipe


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
    kind = "recipe of the verifier"
    folder = RECIPES / "verifier"

    encoder: Literal["imagenet", "chance"] = "imagenet"
    encoder_rate: float = 3e-4
    outline_weight: float = 1.0
    drawn: float = 0.37
    photographed: float = 0.33
    boxed: float = 0.08
    unmasked: float = 0.22
