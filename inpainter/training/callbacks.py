"""Callbacks of a training run: progress, weights, and stopping in time."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lightning.pytorch import Callback, LightningModule, Trainer

from inpainter.training.module import CompletionTraining
from inpainter.weight_files import save_completion_network
from weights.base.lightning_runs import StopAfterStep
from weights.base.run_log import keep_first
from weights.catalog.store import write_tensors

DISCRIMINATOR_FILE: Final = "discriminator.safetensors"
"""Name of the discriminator's weights in a run's folder."""

SECONDS_BETWEEN_LINES = 30.0
"""Interval of progress lines within a round."""


class RoundReport(Callback):
    """Prints progress and results of each round, and writes the weights after it.

    These are the network's averaged weights, and the discriminator's, for another run to start
    from.

    Args:
        output: the run's folder.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.seconds: list[float] = []
        self.began = self._reported = time.monotonic()
        self._steps_before = 0

    def on_train_epoch_start(self, _trainer: Trainer, module: LightningModule) -> None:
        """Start the clock."""
        assert isinstance(module, CompletionTraining)
        self.began = self._reported = time.monotonic()
        self._steps_before = module.steps_done

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Print progress from time to time."""
        assert isinstance(module, CompletionTraining)
        now = time.monotonic()
        if now - self._reported < SECONDS_BETWEEN_LINES or not trainer.is_global_zero:
            return
        self._reported = now
        each = (now - self.began) / (module.steps_done - self._steps_before)
        left = each * (module.total_steps - module.steps_done) / 60.0
        print(
            f"step {module.steps_done}/{module.total_steps}, {each:.2f} s a step, "
            f"{left:.0f} min for the rest of the schedule",
            flush=True,
        )

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Drop rounds from the log that are repeated now or belong to another run."""
        assert isinstance(module, CompletionTraining)
        if trainer.is_global_zero:
            done, _ = module.recipe.round_at(module.steps_done)
            keep_first(self.output / "rounds.log", "round", done)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Write the weights and print a line."""
        assert isinstance(module, CompletionTraining)
        seconds = time.monotonic() - self.began
        self.seconds.append(seconds)
        if not trainer.is_global_zero:
            return
        options = dict(module.recipe.network)
        save_completion_network(
            module.average.network,
            self.output / "average.safetensors",
            name=options.pop("name"),
            options=options,
            input_size=module.phase.size,
            overwrite=True,
        )
        if module.discriminator is not None:
            # In full precision: fp16 is too coarse for spectral normalisation's vectors.
            state = module.discriminator.state_dict()
            write_tensors(self.output / DISCRIMINATOR_FILE, state, {}, overwrite=True)
        phase, steps = module.phase, module.steps_done - self._steps_before
        line = (
            f"round {module.round_number + 1}/{len(module.schedule)}, step {module.steps_done}/"
            f"{module.total_steps}, {phase.size} px, "
            f"{steps * phase.batch * trainer.world_size / seconds:.1f} pictures/s; "
            f"{_by_group(trainer.callback_metrics)}"
        )
        print(line, flush=True)
        with (self.output / "rounds.log").open("a", encoding="utf-8") as log:
            log.write(line + "\n")


def _by_group(figures: Mapping[str, Any]) -> str:
    """The figures under the headings that their names begin with: a name may stand under several.

    A loss of PSNR and the PSNR of the validation, for instance, are both `hole_psnr`.
    """
    groups: dict[str, list[str]] = {}
    for name, value in sorted(figures.items()):
        heading, _, rest = name.partition("/")
        groups.setdefault(heading, []).append(f"{rest} {float(value):.4f}")
    return "; ".join(f"{heading}: {', '.join(one)}" for heading, one in groups.items())


class StopInTime(StopAfterStep):
    """Stops gracefully on a signal or when the time budget is used up.

    Args:
        minutes: the time budget, from now on; None for no limit.
    """

    def __init__(self, minutes: float | None) -> None:
        self.deadline = math.inf if minutes is None else time.monotonic() + 60.0 * minutes
        self._began = self._step = 0.0
        self._batches = 0
        self._validating: float | None = None
        self._ending: float | None = None

    def on_train_epoch_start(self, _trainer: Trainer, _module: LightningModule) -> None:
        """Measure the steps of this round."""
        self._began, self._batches = time.monotonic(), 0

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Measure the time per step, and stop after this one if it is time."""
        self._batches += 1
        self._step = (time.monotonic() - self._began) / self._batches
        super().on_train_batch_end(trainer, module)

    def is_over(self, trainer: Trainer) -> bool:
        """Return whether a signal came, or another step and the round's end would not fit."""
        ending = self._ending
        if ending is None:
            # Validating a batch takes no longer than training on one.
            ending = self._step * sum(trainer.num_val_batches)
        return (
            super().is_over(trainer) or time.monotonic() + self._step + 1.2 * ending > self.deadline
        )

    def on_validation_start(self, _trainer: Trainer, _module: LightningModule) -> None:
        """Start the clock of the validation."""
        self._validating = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Measure the time of the round's end, and stop after it if it is time."""
        if self._validating is not None:
            self._ending = time.monotonic() - self._validating
        super().on_train_epoch_end(trainer, module)
