"""Schedules fitted to a time budget by timing a few steps."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Unpack

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from inpainter.training.callbacks import StopInTime
from inpainter.training.face_data import FaceData
from inpainter.training.failures import training_failures
from inpainter.training.loop import with_measured_options
from inpainter.training.module import CompletionTraining
from inpainter.training.recipe import Phase, Recipe, read_recipe
from inpainter.training.trainer import make_trainer
from weights.base.device import resolve_device
from weights.base.run_settings import RunOptions, RunSettings
from weights.base.silence import lightning_silenced
from weights.base.stopping import at_safe_points

_SPARE: Final = 0.9
"""Fraction of the time planned for steps; the rest is for reading and validating."""

_TRIAL_STEPS: Final = 8
"""Steps of each phase in the trial; the second half of them is timed."""

_TRIAL_SHARE: Final = 0.15
"""Fraction of the time after which the trial ends, with fewer steps if these are slow."""


def fit_schedule(
    recipe: Recipe, output: Path, minutes: float, **options: Unpack[RunOptions]
) -> Recipe:
    """Give a recipe as many steps as fit the time, keeping its phases' proportions.

    A few steps of each phase are timed first, within that time. A run that the folder already holds
    keeps its schedule.

    Args:
        recipe: the steps of its phases set the proportions.
        output: the run's folder.
        minutes: the time, including the timed steps and reading the faces.
        **options: `device`, `threads` and `resume`, see `RunSettings`.

    Raises:
        InputError: the faces cannot be read.
        ConfigurationError: the recipe names something unknown.
        TrainingError: a loss is NaN or infinite, or memory runs out.
    """
    planned = output / "recipe.yaml"
    if options.get("resume", True) and planned.is_file():
        return read_recipe(planned)
    began = time.monotonic()
    print("Timing a few steps to plan the schedule.", flush=True)
    step_seconds = time_steps(recipe, minutes * _TRIAL_SHARE, RunSettings(**options))
    left = max(0.0, 60.0 * minutes - (time.monotonic() - began))
    steps = planned_steps(recipe.phases, step_seconds, _SPARE * left)
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


def time_steps(recipe: Recipe, minutes: float, run: RunSettings) -> list[float]:
    """Measure how long a step of each phase takes, in seconds; nothing of the trial is kept.

    A phase for which no time is left counts as the slowest of those timed.

    Args:
        recipe: what to train.
        minutes: the time after which the trial ends; one step is done in any case.
        run: the device and threads.

    Raises:
        InputError, ConfigurationError, TrainingError: see `fit_schedule`.
    """
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    torch.manual_seed(recipe.seed)
    trial = replace(
        recipe,
        phases=tuple(replace(phase, steps=_TRIAL_STEPS) for phase in recipe.phases),
        data=replace(recipe.data, validation_count=1),
        validation_interval=_TRIAL_STEPS,
    )
    module = CompletionTraining(with_measured_options(trial))
    clock = _StepClock()
    with (
        tempfile.TemporaryDirectory() as folder,
        at_safe_points(),
        lightning_silenced(),
        training_failures(module),
    ):
        trainer = make_trainer(
            Path(folder),
            resolve_device(run.device),
            [StopInTime(minutes), clock],
            rounds=len(module.schedule),
            precision=trial.precision,
            checkpoints=False,
        )
        trainer.fit(module, FaceData(trial))
    slowest = max(map(_mean_of_second_half, clock.seconds.values()))
    return [
        _mean_of_second_half(clock.seconds[number]) if number in clock.seconds else slowest
        for number in range(len(recipe.phases))
    ]


class _StepClock(Callback):
    """Measures each step's duration, by the number of its phase."""

    def __init__(self) -> None:
        self.seconds: defaultdict[int, list[float]] = defaultdict(list)
        self._last = 0.0

    def on_train_epoch_start(self, _trainer: Trainer, _module: LightningModule) -> None:
        """Start the clock."""
        self._last = time.monotonic()

    def on_train_batch_end(self, _trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Note the time since the last step, which includes waiting for samples."""
        assert isinstance(module, CompletionTraining)
        now = time.monotonic()
        # One round for each phase.
        self.seconds[module.round_number].append(now - self._last)
        self._last = now


def _mean_of_second_half(durations: Sequence[float]) -> float:
    """The mean without the first half, in which caches and compilers warm up."""
    timed = durations[len(durations) // 2 :]
    return sum(timed) / len(timed)


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
