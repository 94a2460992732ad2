"""Lightning's trainer as this package configures it, and its checkpoints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from inpainter.training.curves import CURVES
from weights.base.checkpoint import unfit_checkpoint
from weights.base.device import training_precision
from weights.base.lightning_runs import CurvesGoOn, WholeCheckpointIO

CHECKPOINT: Final = "last.ckpt"
"""Name of a run's checkpoint in its folder."""


def read_run(checkpoint: Path) -> dict[str, Any]:
    """Read the checkpoint of a run.

    Raises:
        TrainingError: the file is damaged or not a checkpoint of a run.
    """
    state: dict[str, Any] = WholeCheckpointIO().load_checkpoint(checkpoint, map_location="cpu")
    for name in ("steps_done", "epoch"):
        if not isinstance(state.get(name), int):
            raise unfit_checkpoint(checkpoint, f"its {name} is {state.get(name)!r}")
    return state


def make_trainer(
    folder: Path,
    device: torch.device,
    callbacks: list[Callback],
    *,
    rounds: int,
    precision: str,
    progress: bool = False,
    checkpoints: bool = True,
) -> Trainer:
    """Create a trainer for rounds of manual steps, with checkpoints and curves in a run's folder.

    Args:
        folder: the run's folder.
        device: the device; without an index, all GPUs or torchrun's processes.
        callbacks: additional callbacks.
        rounds: number of rounds.
        precision: "32-true", "bf16-mixed" or "16-mixed", as Lightning names them; a CPU that is
            slow at bfloat16 uses float32 instead.
        progress: show Lightning's progress bar.
        checkpoints: whether to write any.
    """
    machines, processes = _processes(device)
    devices: int | list[int] = processes if device.index is None else [device.index]
    # Each step trains one of two networks, so the other one gets no gradients.
    strategy = "ddp_find_unused_parameters_true" if machines * processes > 1 else "auto"
    return Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=devices,
        num_nodes=machines,
        strategy=strategy,
        precision=training_precision(precision, device),  # type: ignore[arg-type]
        max_epochs=rounds,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        # The training stream divides itself, and every process validates on all frozen samples.
        use_distributed_sampler=False,
        logger=TensorBoardLogger(folder, name=CURVES, version=""),
        callbacks=[CurvesGoOn(), *callbacks],
        plugins=[WholeCheckpointIO()],
        enable_checkpointing=checkpoints,
        enable_progress_bar=progress,
        enable_model_summary=False,
        default_root_dir=folder,
        log_every_n_steps=20,
    )


def _processes(device: torch.device) -> tuple[int, int]:
    """The number of machines and of processes on each: torchrun's, or else one per GPU."""
    if device.index is None and torch.distributed.is_torchelastic_launched():
        return int(os.environ["GROUP_WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    everywhere = device.type == "cuda" and device.index is None
    return 1, torch.cuda.device_count() if everywhere else 1
