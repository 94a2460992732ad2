"""The end of a training run: evaluation, catalog record and model card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch

from inpainter.completion import NetworkInpainter
from inpainter.evaluation.benchmark_cases import SMALLEST_SIDE, BenchmarkCases
from inpainter.evaluation.evaluate import METRICS, evaluate_inpainter
from inpainter.holes import create_holes
from inpainter.networks.registry import NETWORKS
from inpainter.training.recipe import Recipe
from inpainter.weight_files import describe_completion_network
from weights.base.errors import InputError
from weights.catalog.register import (
    SOURCES_NAME,
    CatalogPlace,
    RegisteredWeights,
    register_weights,
    rounded_figure,
    sources_beside,
)

MOST_FACES: Final = 200
"""Maximum number of validation faces for evaluating trained weights."""


def register_trained(
    recipe: Recipe,
    folder: Path,
    weights: Path,
    *,
    recipe_name: str,
    validation: Mapping[str, float],
    device: str | torch.device = "auto",
) -> RegisteredWeights | None:
    """Evaluate a finished run's weights, and write them with record and card to its catalog.

    Completion is evaluated like `unmask evaluate inpainter`, on faces of the recipe's validation
    split with frozen holes of its kind. For networks that see the mask, and for pairs, the figures
    of the last validation are used.

    Args:
        recipe: the run's recipe.
        folder: the run's folder; record and card go to its folder `catalog`.
        weights: the run's safetensors file.
        recipe_name: name of the recipe.
        validation: figures of the last validation by name.
        device: device of the evaluation.

    Returns:
        What was written; None for a network without a name in the registry.

    Raises:
        ConfigurationError: the `sources.yaml` next to the pictures is malformed.
    """
    architecture = str(recipe.network["name"])
    if architecture not in NETWORKS:
        return None
    data = recipe.data
    figures = _measured(recipe, weights, device)
    if figures is None:
        figures = {
            name.partition("/")[2]: value
            for name, value in validation.items()
            if name.startswith("validation/")
        }
        how = "of the frozen samples that the run was validated on"
    else:
        how = (
            f"of {figures['cases']} faces of the split {data.validation_split!r} with frozen holes "
            f"at {recipe.phases[-1].size} px"
        )
    trained_on = sources_beside(Path(data.pairs or data.faces) / SOURCES_NAME)
    phases = ", ".join(
        f"{phase.steps:,} steps of {phase.batch} at {phase.size} px" for phase in recipe.phases
    )
    notes = (
        f"{trained_on.notes} Trained for {phases}. The figures are {how}; results on other photos "
        "differ."
    )
    return register_weights(
        weights,
        describe_completion_network(weights),
        CatalogPlace.of_run(folder, architecture),
        trained_on=replace(trained_on, notes=notes.strip()),
        recipe=recipe_name,
        seed=recipe.seed,
        metrics={
            "val": {
                name: rounded_figure(value)
                for name, value in figures.items()
                if math.isfinite(value)
            }
        },
    )


def _measured(recipe: Recipe, weights: Path, device: str | torch.device) -> dict[str, Any] | None:
    """Evaluate completion; None if the recipe's data give no faces with holes."""
    name, data, size = str(recipe.network["name"]), recipe.data, recipe.phases[-1].size
    if data.masked or data.pairs or size < SMALLEST_SIDE:
        return None
    cases = BenchmarkCases(
        data.faces,
        create_holes(recipe.holes.face),
        split=data.validation_split,
        count=MOST_FACES,
        size=size,
        split_seed=data.split_seed,
    )
    system = NetworkInpainter(name, weights, device=device)
    try:
        found = evaluate_inpainter({name: system}, cases)
    except InputError:
        # No hole fits any face: not worth failing a run of hours.
        return None
    measured = {metric.name: found.estimate(name, metric.name).mean for metric in METRICS}
    return {"cases": found.cases, **measured}
