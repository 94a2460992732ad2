"""Recipes cut down to one size and one budget of time, so that systems can be set side by side."""

from __future__ import annotations

import inspect
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

import torch

from inpainter.losses import create_loss
from inpainter.networks.registry import NETWORKS
from inpainter.registry import create_discriminator
from inpainter.training.loop import TrainedInpainter, train_inpainter
from inpainter.training.recipe import (
    AdversarialSettings,
    DataSettings,
    HoleSettings,
    Phase,
    Recipe,
    read_recipe,
)
from weights.base.errors import ConfigurationError, MissingDependencyError, WeightsError
from weights.base.names import import_object

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weights.base.run_settings import RunOptions

_SPARE = 0.9
"""Share of the budget that the steps are planned for; the rest goes to reading and validating."""

_TRIAL_STEPS = 4
"""Steps of each phase that are timed; as many go before them untimed."""


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


def planned_steps(
    phases: Sequence[Phase], step_seconds: Sequence[float], seconds: float
) -> list[int]:
    """Divide a budget of time between phases, keeping the proportion of their steps.

    Args:
        phases: their `steps` stand in the wanted proportion.
        step_seconds: what a step takes in each phase.
        seconds: the budget.

    Returns:
        Steps of each phase, at least 1.
    """
    cost = sum(phase.steps * one for phase, one in zip(phases, step_seconds, strict=True))
    return [max(1, int(phase.steps * seconds / cost)) for phase in phases]


def train_for(
    short: Recipe, output: Path, minutes: float, **options: Unpack[RunOptions]
) -> TrainedInpainter:
    """Train as far as a budget of time goes, all phases in the paper's proportion.

    How long a step takes is found out by a few steps of each phase, in a folder `trial` of their
    own, before the clock starts. A run that was stopped goes on by the schedule that it began with.

    Args:
        short: the recipe, as `shorten` gives it.
        output: the run's folder.
        minutes: the budget, reading the faces included.
        **options: `device` and `threads`, see `RunSettings`.

    Raises:
        InputError: the faces cannot be read.
        ConfigurationError: the recipe names something unknown.
        TrainingError: a loss is not a number, or memory is used up.
    """
    planned = output / "recipe.yaml"
    if planned.is_file():
        recipe = read_recipe(planned)
    else:
        recipe = _planned(short, output / "trial", 60.0 * minutes, options)
    options["time_budget_minutes"] = minutes
    return train_inpainter(recipe, output, **options)


def _planned(short: Recipe, folder: Path, seconds: float, options: RunOptions) -> Recipe:
    trial = replace(
        short,
        phases=tuple(replace(phase, steps=2 * _TRIAL_STEPS) for phase in short.phases),
        data=replace(short.data, validation_count=1),
        validation_interval=_TRIAL_STEPS,
    )
    anew: RunOptions = {**options, "resume": False}
    timed = train_inpainter(trial, folder, **anew)
    shutil.rmtree(folder)
    step_seconds = [one / _TRIAL_STEPS for one in timed.round_seconds[1::2]]
    steps = planned_steps(short.phases, step_seconds, _SPARE * seconds)
    total = sum(steps)
    return replace(
        short,
        phases=tuple(
            replace(phase, steps=count) for phase, count in zip(short.phases, steps, strict=True)
        ),
        optimizer=replace(
            short.optimizer, warmup_steps=min(short.optimizer.warmup_steps, total // 20)
        ),
        # Few rounds: a checkpoint of the largest network is a gigabyte.
        validation_interval=max(1, total // 5),
    )
