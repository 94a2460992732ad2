"""Plan of a detector training, in a form that processes can exchange."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from detector.find.architecture import DetectorConfiguration
from weights.base.settings import settings_from_mapping

WEIGHTS_NAME = "detector.safetensors"
"""File of the best weights in a run's folder."""

CHECKPOINT_NAME = "last.pt"
"""File of the checkpoint in the folder `weights` of a run."""


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of one run; plain values only.

    Attributes:
        folder: of the run.
        configuration: the network to train.
        overrides: settings of Ultralytics, by its names; `device` may name several, as "0,1".
        workers: processes that load pictures, for each device.
        threads: CPU threads; None leaves the number as it is.
        bfloat16: whether a CPU computes in bfloat16.
        validation_pictures: maximum number for validation, sampled by the seed; 0 means all.
        initial_weights: safetensors to start from.
        seconds: time budget of the whole run, including earlier calls; None is unlimited.
    """

    folder: Path
    configuration: DetectorConfiguration
    overrides: dict[str, Any]
    workers: int = 0
    threads: int | None = None
    bfloat16: bool = False
    validation_pictures: int = 0
    initial_weights: Path | None = None
    seconds: float | None = None

    @property
    def processes(self) -> int:
        """Number of processes: one per device."""
        return len(str(self.overrides.get("device", "")).split(","))

    def to_json(self) -> str:
        """The plan as JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> TrainingPlan:
        """Restore a plan from `to_json`."""
        return settings_from_mapping(cls, json.loads(text), "the plan")


@dataclass(frozen=True)
class TrainingProgress:
    """Progress of a training.

    Attributes:
        epoch: number of the epoch, from 1.
        epochs: total number; with a time budget this changes after every epoch.
        batch: number of the batch in the epoch, from 1.
        batches: batches of an epoch.
        losses: running mean of each loss in this epoch.
        metrics: of the validation; empty within an epoch.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    losses: Mapping[str, float]
    metrics: Mapping[str, float] = field(default_factory=dict)
