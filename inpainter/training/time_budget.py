"""Schedules fitted to a time budget by timing a few steps."""

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
"""Fraction of the time planned for steps; the rest is for reading and validating."""

_TRIAL_STEPS: Final = 4
"""Timed steps per phase; as many untimed ones run first."""


def fit_schedule(
    recipe: Recipe, output: Path, minutes: float, **options: Unpack[RunOptions]
) -> Recipe:
    """Give a recipe as many steps as fit the time, keeping its phases' proportions.

    A few steps of each phase are timed in a folder `trial` in the run's folder, which takes extra
    time. A run that the folder already holds keeps its schedule.

    Args:
        recipe: the steps of its phases set the proportions.
        output: the run's folder.
        minutes: the time, including reading the faces.
        **options: `device`, `threads` and `resume`, see `RunSettings`.

    Raises:
        InputError: the faces cannot be read.
        ConfigurationError: the recipe names something unknown.
        TrainingError: a loss is NaN or infinite, or memory runs out.
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
        # Few rounds: a checkpoint of the largest network takes a gigabyte.
        validation_interval=max(1, total // 5),
    )


def planned_steps(
    phases: Sequence[Phase], step_seconds: Sequence[float], seconds: float
) -> list[int]:
    """Divide a time between phases, keeping the proportions of their steps.

    Args:
        phases: their `steps` set the proportions.
        step_seconds: duration of a step in each phase.
        seconds: the time.

    Returns:
        Steps of each phase, at least 1.
    """
    cost = sum(phase.steps * one for phase, one in zip(phases, step_seconds, strict=True))
    return [max(1, int(phase.steps * seconds / cost)) for phase in phases]
