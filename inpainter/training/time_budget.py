"""Schedules fitted to a time: a few steps are timed, and as many planned as it holds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Unpack

from inpainter.training.loop import train_inpainter
from inpainter.training.recipe import Phase, Recipe, read_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weights.base.run_settings import RunOptions

_SPARE: Final = 0.9
"""Share of the time that the steps are planned for; the rest goes to reading and validating."""

_TRIAL_STEPS: Final = 4
"""Steps of each phase that are timed; as many go before them untimed."""


def fit_schedule(
    recipe: Recipe, output: Path, minutes: float, **options: Unpack[RunOptions]
) -> Recipe:
    """Give a recipe as many steps as a time holds, its phases in their proportion.

    How long a step takes is found out by a few of each phase, in a folder `trial` in the run's,
    which takes time of its own. A run that the folder holds keeps the schedule that it began with.

    Args:
        recipe: the steps of its phases stand in the wanted proportion.
        output: the run's folder.
        minutes: the time, reading the faces included.
        **options: `device`, `threads` and `resume`, see `RunSettings`.

    Raises:
        InputError: the faces cannot be read.
        ConfigurationError: the recipe names something unknown.
        TrainingError: a loss is not a number, or memory is used up.
    """
    planned = output / "recipe.yaml"
    if options.get("resume", True) and planned.is_file():
        return read_recipe(planned)
    trial = replace(
        recipe,
        phases=tuple(replace(phase, steps=2 * _TRIAL_STEPS) for phase in recipe.phases),
        data=replace(recipe.data, validation_count=1),
        validation_interval=_TRIAL_STEPS,
    )
    anew: RunOptions = {**options, "resume": False}
    folder = output / "trial"
    timed = train_inpainter(trial, folder, **anew)
    shutil.rmtree(folder)
    step_seconds = [one / _TRIAL_STEPS for one in timed.round_seconds[1::2]]
    steps = planned_steps(recipe.phases, step_seconds, _SPARE * 60.0 * minutes)
    total = sum(steps)
    phases = zip(recipe.phases, steps, strict=True)
    warmup = min(recipe.optimizer.warmup_steps, total // 20)
    return replace(
        recipe,
        phases=tuple(replace(phase, steps=count) for phase, count in phases),
        optimizer=replace(recipe.optimizer, warmup_steps=warmup),
        # Few rounds: a checkpoint of the largest network is a gigabyte.
        validation_interval=max(1, total // 5),
    )


def planned_steps(
    phases: Sequence[Phase], step_seconds: Sequence[float], seconds: float
) -> list[int]:
    """Divide a time between phases, keeping the proportion of their steps.

    Args:
        phases: their `steps` stand in the wanted proportion.
        step_seconds: what a step takes in each phase.
        seconds: the time.

    Returns:
        Steps of each phase, at least 1.
    """
    cost = sum(phase.steps * one for phase, one in zip(phases, step_seconds, strict=True))
    return [max(1, int(phase.steps * seconds / cost)) for phase in phases]
