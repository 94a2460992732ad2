"""Stands for `detector.train.distributed` in its processes, which here train together on the CPU.

Ultralytics' loop trains in several processes on GPUs only. What is replaced is what would name one:
the backend of the process group, and the device of the network's wrapper.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import distributed, nn

from detector.train import ultralytics_trainer as trainers
from detector.train.distributed import main

WrappedNetwork = nn.parallel.DistributedDataParallel


def wrap(network: nn.Module, **options: Any) -> nn.Module:
    return WrappedNetwork(network, **{**options, "device_ids": None})


def begin_together(trainer: trainers.MaskTrainer) -> None:
    distributed.init_process_group("gloo")
    assert distributed.get_world_size() == 2


def build(trainer: trainers.MaskTrainer, plan: Any) -> None:
    original(trainer, plan)
    trainer.world_size = 2


original = trainers.MaskTrainer.__init__

if __name__ == "__main__":
    torch.set_num_threads(1)
    trainers.MaskTrainer.__init__ = build
    trainers.MaskTrainer._setup_ddp = begin_together
    nn.parallel.DistributedDataParallel = wrap
    sys.exit(main())
