"""Recipes cut down to one size and batch, so that systems can be set side by side."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from inpainter.losses import create_loss
from inpainter.networks.registry import NETWORKS
from inpainter.registry import create_discriminator
from weights.base.errors import ConfigurationError, MissingDependencyError, WeightsError
from weights.base.names import import_object

if TYPE_CHECKING:
    from inpainter.training.recipe import AdversarialSettings, DataSettings, HoleSettings, Recipe


@dataclass(frozen=True)
class ShortRecipe:
    """A recipe for a short trial.

    Attributes:
        recipe: the recipe; its steps stand in the paper's proportion.
        left_out: what of the paper's is not in it, each in a few words.
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
    """Adapt a recipe to one size, batch and stream of samples, which all systems of a trial share.

    Losses whose weights are not on this machine are left out. For a teacher to paint like, an L1
    loss in the hole stands in. Networks and discriminators that are made for one side are made for
    this one. A source of masked pictures is kept, and rates and weights are the paper's.

    Args:
        recipe: the paper's.
        size: side of the samples, pixels; a power of two.
        batch: samples in a batch.
        data: which faces, and how they are framed and varied.
        holes: which holes are drawn.
        precision: as a recipe has it.

    Raises:
        ConfigurationError: the size is no power of two from 32 up.
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
        # Each level halves the side, and the last must have something to halve.
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
        # The paper's last blocks, as many as bring this side down to one pixel.
        channels = options.get("channels", (64, 128, 64, 32, 16, 8, 4, 2, 1))
        options["channels"] = list(channels)[-(size.bit_length() - 1) :]
    return options
