"""What a training run says, writes and minds after steps and rounds."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

from lightning.pytorch import Callback, LightningModule, Trainer

from inpainter.training.module import CompletionTraining
from inpainter.weight_files import save_completion_network
from weights.base.lightning_runs import StopAfterStep
from weights.base.run_log import keep_first
from weights.catalog.store import write_tensors

if TYPE_CHECKING:
    from pathlib import Path

DISCRIMINATOR_FILE: Final = "discriminator.safetensors"
"""Name of the discriminator's weights in a run's folder."""

SECONDS_BETWEEN_LINES = 30.0
"""How often a line tells where a training is, within a round."""


class RoundReport(Callback):
    """Says in lines how far a round is and how it went, and writes the weights after it.

    They are the average of the network's, and the discriminator's, for another run to start from.

    Args:
        output: the run's folder.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.seconds: list[float] = []
        self.began = self._told = time.monotonic()
        self._steps_before = 0

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Start the clock."""
        del trainer
        assert isinstance(module, CompletionTraining)
        self.began = self._told = time.monotonic()
        self._steps_before = module.steps_done

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Say once in a while where the training is."""
        assert isinstance(module, CompletionTraining)
        now = time.monotonic()
        if now - self._told < SECONDS_BETWEEN_LINES or not trainer.is_global_zero:
            return
        self._told = now
        each = (now - self.began) / (module.steps_done - self._steps_before)
        left = each * (module.total_steps - module.steps_done) / 60.0
        print(
            f"step {module.steps_done}/{module.total_steps}, {each:.2f} s a step, "
            f"{left:.0f} min for the rest of the schedule",
            flush=True,
        )

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Take rounds out of the log that are done again, or were another run's."""
        assert isinstance(module, CompletionTraining)
        if trainer.is_global_zero:
            done, _ = module.recipe.round_at(module.steps_done)
            keep_first(self.output / "rounds.log", "round", done)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Write weights and the line."""
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
            # As it is: spectral normalisation's vectors are finer than fp16.
            state = module.discriminator.state_dict()
            state = {name: tensor.cpu().contiguous() for name, tensor in state.items()}
            write_tensors(self.output / DISCRIMINATOR_FILE, state, {}, overwrite=True)
        phase, steps = module.phase, module.steps_done - self._steps_before
        figures = ", ".join(
            f"{name.partition('/')[2]} {float(value):.4f}"
            for name, value in sorted(trainer.callback_metrics.items())
        )
        line = (
            f"round {module.round_number + 1}/{len(module.schedule)}, step {module.steps_done}/"
            f"{module.total_steps}, {phase.size} px, "
            f"{steps * phase.batch * trainer.world_size / seconds:.1f} pictures/s: {figures}"
        )
        print(line, flush=True)
        with (self.output / "rounds.log").open("a", encoding="utf-8") as log:
            log.write(line + "\n")


class StopInTime(StopAfterStep):
    """Stops gracefully, for a signal or a time budget.

    Args:
        minutes: the time, from now on; None for no limit.
    """

    def __init__(self, minutes: float | None) -> None:
        self.deadline = math.inf if minutes is None else time.monotonic() + 60.0 * minutes
        self._began = self._step = 0.0
        self._batches = 0
        self._validating: float | None = None
        self._ending: float | None = None

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Measure the steps of this round."""
        del trainer, module
        self._began, self._batches = time.monotonic(), 0

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Note how long a step takes, and stop after this one, if at all."""
        self._batches += 1
        self._step = (time.monotonic() - self._began) / self._batches
        super().on_train_batch_end(trainer, module)

    def is_over(self, trainer: Trainer) -> bool:
        """Say whether a signal came, or another step and what follows the last would not fit."""
        ending = self._ending
        if ending is None:
            # Validating a batch takes no longer than learning from one.
            ending = self._step * sum(trainer.num_val_batches)
        return (
            super().is_over(trainer) or time.monotonic() + self._step + 1.2 * ending > self.deadline
        )

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Start the clock of the validation."""
        del trainer, module
        self._validating = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Note how long the round's end took, and stop after it, if at all."""
        if self._validating is not None:
            self._ending = time.monotonic() - self._validating
        super().on_train_epoch_end(trainer, module)
