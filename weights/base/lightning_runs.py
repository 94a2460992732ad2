"""What runs of Lightning's trainer have in common: whole checkpoints, and stops between batches."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from weights.base.checkpoint import read_checkpoint, write_checkpoint
from weights.base.stopping import stop_if_asked


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


class StopAtBatch(Callback):
    """Ends a run by the exception of `weights.base.stopping` between two batches."""

    def on_train_batch_end(self, *_: Any) -> None:
        """End here where a signal asked for it."""
        stop_if_asked()

    def on_validation_batch_end(self, *_: Any) -> None:
        """Likewise."""
        stop_if_asked()
