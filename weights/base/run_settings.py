"""Settings shared by all trainings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import torch


class RunOptions(TypedDict, total=False):
    """Keywords of every training; `RunSettings` documents them."""

    device: str | torch.device
    threads: int | None
    time_budget_minutes: float | None
    resume: bool


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Settings of a training run.

    Attributes:
        device: "auto" or a torch device.
        threads: number of CPU threads; None leaves it unchanged.
        time_budget_minutes: stop gracefully within this time; None for no limit.
        resume: resume from the folder's checkpoint if there is one.
    """

    device: str | torch.device = "auto"
    threads: int | None = None
    time_budget_minutes: float | None = None
    resume: bool = True
