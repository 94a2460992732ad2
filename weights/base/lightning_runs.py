"""What runs of Lightning's trainer have in common: whole checkpoints, and stops after steps."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from weights.base.checkpoint import read_checkpoint, write_checkpoint
from weights.base.stopping import stop_asked, stop_if_asked, take_signals_back


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints whole or not at all, and reads no pickled code."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write to a temporary name beside `path` and rename."""
        del storage_options
        write_checkpoint(path, checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> Any:
        """Read tensors and plain values.

        Raises:
            TrainingError: the file is damaged, or no checkpoint.
        """
        del weights_only
        holds = ("state_dict", "loops", "optimizer_states", "callbacks")
        return read_checkpoint(path, holds, map_location)


class CurvesGoOn(Callback):
    """Has TensorBoard forget what was logged behind the checkpoint that a run goes on from."""

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Say where the curves go on."""
        del module
        steps = trainer.fit_loop.total_batch_idx + 1
        if isinstance(trainer.logger, TensorBoardLogger) and trainer.is_global_zero and steps:
            writer = trainer.logger.experiment.file_writer
            writer.add_event(Event(step=steps, session_log=SessionLog(status=SessionLog.START)))


class StopAfterStep(Callback):
    """Ends a run well for a signal: behind the step or validation it came in, with a checkpoint."""

    def is_over(self, trainer: Trainer) -> bool:
        """Say whether the run is to end here."""
        del trainer
        return stop_asked()

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Be asked first: Lightning would end at SIGTERM by itself, without a checkpoint."""
        del trainer, module
        take_signals_back()
        # For one that has come it would do so still, after the first step.
        stop_if_asked()

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Stop after this step, if at all."""
        del module
        self._stop(trainer)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Stop after this round, if at all."""
        del module
        self._stop(trainer)

    def _stop(self, trainer: Trainer) -> None:
        # Processes have clocks and signals of their own, and must stop together.
        if trainer.strategy.reduce_boolean_decision(self.is_over(trainer), all=False):
            trainer.should_stop = True
