"""Recipes adapted to one size and batch, for comparing systems."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

import torch

from inpainter.losses import create_loss
from inpainter.networks.registry import NETWORKS
from inpainter.registry import create_discriminator
from inpainter.training.recipe import AdversarialSettings, DataSettings, HoleSettings, Recipe
from weights.base.errors import ConfigurationError, MissingDependencyError, WeightsError
from weights.base.names import import_object


@dataclass(frozen=True)
class ShortRecipe:
    """A recipe for a short trial.

    Attributes:
        recipe: the recipe; its phases keep the paper's proportions.
        left_out: names of the paper's terms that are left out.
    """

    recipe: Recipe
    left_out: tuple[str, ...]


def shorten(
    recipe: Recipe,
    *,
    size: int,
    batch: int,
    data: DataSettings,
    holes: HoleSettings,
    precision: str = "32-true",
) -> ShortRecipe:
    """Adapt a recipe to the size, batch and samples that all systems of a trial share.

    Losses whose weights are not on this machine are left out. Distillation is replaced by an L1
    loss in the hole. Networks and discriminators built for a fixed side are built for this one. A
    source of masked pictures is kept, and rates and weights are the paper's.

    Args:
        recipe: the paper's recipe.
        size: side of the samples in pixels; a power of two.
        batch: samples in a batch.
        data: the faces, their framing and augmentation.
        holes: which holes are generated.
        precision: as in a recipe.

    Raises:
        ConfigurationError: the size is not a power of two of at least 32.
    """
    if size < 32 or size & (size - 1):
        raise ConfigurationError(f"size of a trial must be a power of two from 32 up: {size}.")
    left_out = []
    losses = []
    for entry, term in zip(recipe.losses, recipe.terms(), strict=True):
        try:
            create_loss(term.loss)
        except (WeightsError, MissingDependencyError):
            left_out.append(term.name)
        else:
            losses.append(entry)
    if recipe.distillation is not None:
        left_out.append("distillation")
        weight = recipe.distillation.weight
        losses.append({"name": "l1", "region": "hole", "over_picture": True, "weight": weight})
    adversarial = recipe.adversarial
    if adversarial is not None:
        adversarial = _fitted_adversarial(adversarial, size)
    kept = {name for name in recipe.weights_in(None) if name not in left_out}
    phases = tuple(
        replace(
            phase,
            size=size,
            batch=batch,
            weights={name: one for name, one in phase.weights.items() if name in kept},
        )
        for phase in recipe.phases
    )
    short = replace(
        recipe,
        network=_fitted_network(recipe.network, size),
        parts={},
        phases=phases,
        losses=tuple(losses),
        adversarial=adversarial,
        distillation=None,
        holes=holes,
        data=replace(data, masked=recipe.data.masked),
        precision=precision,
        compile=False,
    )
    return ShortRecipe(short, tuple(left_out))


def _fitted_network(network: dict[str, Any], size: int) -> dict[str, Any]:
    options = dict(network)
    parameters = inspect.signature(import_object(NETWORKS[options["name"]])).parameters
    if "resolution" in parameters:
        options["resolution"] = size
    if options["name"] == "pconv":
        # Each level halves the side, down to one pixel.
        options["depth"] = min(options.get("depth", 8), size.bit_length() - 1)
    return options


def _fitted_adversarial(adversarial: AdversarialSettings, size: int) -> AdversarialSettings:
    judge = _fitted_discriminator(adversarial.discriminator, size)
    layers = adversarial.feature_matching_layers
    if judge["name"] == "context" and layers is not None:
        # A smaller window passes through fewer convolutions.
        with torch.device("meta"):
            discriminator: Any = create_discriminator(**judge)
        layers = layers[: len(discriminator.local_branch.convolutions)]
    return replace(adversarial, discriminator=judge, feature_matching_layers=layers)


def _fitted_discriminator(discriminator: dict[str, Any], size: int) -> dict[str, Any]:
    options = dict(discriminator)
    if options["name"] == "stylegan2":
        options["resolution"] = size
    elif options["name"] == "context":
        options.update(size=size, local_size=size // 2)
    elif options["name"] == "paired":
        # As many of the paper's last blocks as bring this side down to one pixel.
        channels = options.get("channels", (64, 128, 64, 32, 16, 8, 4, 2, 1))
        options["channels"] = list(channels)[-(size.bit_length() - 1) :]
    return options
