"""Training recipe of a verifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from detector.train.recipe import RECIPES
from detector.train.trunk_recipe import TrunkRecipe


@dataclass(frozen=True)
class VerifierRecipe(TrunkRecipe):
    """Recipe of a verifier, in addition to `TrunkRecipe`.

    Attributes:
        encoder: initial weights of the encoder, the network's trunk: "imagenet" or random
            ("chance").
        encoder_rate: peak learning rate of the encoder.
        outline_weight: weight of the outlines' loss relative to that of the score.
        drawn: fraction of a batch with masks drawn on faces, whose straps are known.
        photographed: fraction of photographed masks with outlines.
        boxed: fraction of photographed masks without outlines.
        unmasked: fraction of crops without a mask.
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
