"""Shared parts of Lightning runs: atomic checkpoints, and stopping after a step."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from weights.base.checkpoint import read_checkpoint, unfit_checkpoint, write_checkpoint
from weights.base.errors import UnmaskError
from weights.base.stopping import stop_asked, stop_if_asked, take_signals_back

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOT_OF_A_CHECKPOINT = (UnmaskError, OSError, MemoryError, torch.OutOfMemoryError)


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints atomically, and reads no pickled code."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write to a temporary name next to `path` and rename."""
        del storage_options
        write_checkpoint(path, checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> Any:
        """Read tensors and plain values.

        Raises:
            TrainingError: the file is damaged, or not a checkpoint.
        """
        del weights_only
        holds = ("state_dict", "loops", "optimizer_states", "callbacks")
        return read_checkpoint(path, holds, map_location)


class CurvesGoOn(Callback):
    """Makes TensorBoard discard what was logged after the checkpoint that a run resumes from."""

    def on_train_start(self, trainer: Trainer, _module: LightningModule) -> None:
        """Mark the step at which the curves resume."""
        steps = trainer.fit_loop.total_batch_idx + 1
        if isinstance(trainer.logger, TensorBoardLogger) and trainer.is_global_zero and steps:
            writer = trainer.logger.experiment.file_writer
            writer.add_event(Event(step=steps, session_log=SessionLog(status=SessionLog.START)))


class RestoreGuard(Callback):
    """Turns errors of Lightning while it restores a checkpoint into one sentence.

    A new run removes the checkpoint of an earlier one: if stopped before its own first one, it must
    not be resumed from that.

    Args:
        checkpoint: of the run.
        resumed: whether the run is resumed from it.
    """

    def __init__(self, checkpoint: Path, *, resumed: bool) -> None:
        self._checkpoint, self._resumed, self._restoring = checkpoint, resumed, resumed

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """From here on errors are those of training."""
        del module
        self._restoring = False
        if not self._resumed and trainer.is_global_zero:
            self._checkpoint.unlink(missing_ok=True)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watch a call of `Trainer.fit` with this callback.

        Raises:
            TrainingError: the checkpoint is damaged, or belongs to another run.
        """
        try:
            yield
        # A state of the wrong shape or type raises errors of many kinds.
        except Exception as error:
            if not self._restoring or isinstance(error, _NOT_OF_A_CHECKPOINT):
                raise
            raise unfit_checkpoint(self._checkpoint, error) from error


class StopAfterStep(Callback):
    """On a signal, ends a run after the current step or validation, with a checkpoint."""

    def is_over(self, _trainer: Trainer) -> bool:
        """Whether the run should end here."""
        return stop_asked()

    def on_train_start(self, _trainer: Trainer, _module: LightningModule) -> None:
        """Take over SIGTERM: Lightning would end the run by itself, without a checkpoint."""
        take_signals_back()
        # If a signal has already come, Lightning would still do so after the first step.
        stop_if_asked()

    def on_train_batch_end(self, trainer: Trainer, _module: LightningModule, *_: Any) -> None:
        """Stop after this step, if at all."""
        self._stop(trainer)

    def on_train_epoch_end(self, trainer: Trainer, _module: LightningModule) -> None:
        """Stop after this epoch, if at all."""
        self._stop(trainer)

    def _stop(self, trainer: Trainer) -> None:
        # Processes have their own clocks and signals, but must stop together.
        if trainer.strategy.reduce_boolean_decision(self.is_over(trainer), all=False):
            trainer.should_stop = True
