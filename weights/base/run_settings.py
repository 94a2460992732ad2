"""How a training runs, whatever it trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import torch


class RunOptions(TypedDict, total=False):
    """Keywords of every training; `RunSettings` says what they are."""

    device: str | torch.device
    threads: int | None
    time_budget_minutes: float | None
    resume: bool


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How a training runs.

    Attributes:
        device: "auto" or a torch device.
        threads: threads of a CPU's arithmetic; as many as before where None.
        time_budget_minutes: stop gracefully within this time; None for no limit.
        resume: go on from the checkpoint where the folder has one.
    """

    device: str | torch.device = "auto"
    threads: int | None = None
    time_budget_minutes: float | None = None
    resume: bool = True
