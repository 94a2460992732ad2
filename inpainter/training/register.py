"""The end of a training: its weights measured, with a catalog record and a model card."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inpainter.completion import NetworkInpainter
from inpainter.evaluation.benchmark_cases import SMALLEST_SIDE, BenchmarkCases
from inpainter.evaluation.evaluate import METRICS, evaluate_inpainter
from inpainter.holes import create_holes
from inpainter.networks.registry import NETWORKS
from inpainter.weight_files import describe_completion_network
from weights.base.errors import InputError
from weights.catalog.register import (
    SOURCES_NAME,
    CatalogPlace,
    register_weights,
    rounded_figure,
    sources_beside,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from inpainter.training.recipe import Recipe
    from weights.catalog.register import RegisteredWeights

MOST_FACES: Final = 200
"""Validation faces that trained weights are measured on at most."""


def register_trained(
    recipe: Recipe,
    folder: Path,
    weights: Path,
    *,
    recipe_name: str,
    validation: Mapping[str, float],
    device: str | torch.device = "auto",
) -> RegisteredWeights | None:
    """Measure the weights of a finished run; write them with record and card to its catalog.

    Completion is measured as by `unmask evaluate inpainter`, on faces of the recipe's validation
    part with frozen holes of its kind. Of networks that look at the mask, and of pairs, the figures
    of the last validation are taken.

    Args:
        recipe: of the run.
        folder: of the run; record and card go to its folder `catalog`.
        weights: its safetensors file.
        recipe_name: what the recipe is called.
        validation: figures of the last validation by name.
        device: what measures.

    Returns:
        What was written; None of a network that has no name in the registry.

    Raises:
        ConfigurationError: the `sources.yaml` beside the pictures is malformed.
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
            f"of {figures['cases']} faces of the part {data.validation_split!r} with frozen holes "
            f"at {recipe.phases[-1].size} px"
        )
    trained_on = sources_beside(Path(data.pairs or data.faces) / SOURCES_NAME)
    phases = ", ".join(
        f"{phase.steps:,} steps of {phase.batch} at {phase.size} px" for phase in recipe.phases
    )
    notes = (
        f"{trained_on.notes} Trained for {phases}. The figures are {how}; photos from elsewhere "
        "give others."
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
    """Measure completion; None where the recipe's data give no cases of whole faces with holes."""
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
        # No hole fits on any face: a run of hours does not end in an error for that.
        return None
    measured = {metric.name: found.estimate(name, metric.name).mean for metric in METRICS}
    return {"cases": found.cases, **measured}
