"""Rounds of a training run: each ends with a checkpoint, and can be resumed if cut short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def equal_rounds(steps: int, interval: int) -> list[int]:
    """Split steps into rounds of `interval` each; the last may be shorter.

    Examples:
        >>> equal_rounds(450, 200)
        [200, 200, 50]
    """
    return [min(interval, steps - start) for start in range(0, steps, interval)]


def round_at(rounds: Sequence[int], step: int) -> tuple[int, int]:
    """The number of the round that a step belongs to, and the steps left in it.

    After the last step, that is the last round, with none left.

    Args:
        rounds: steps of each.
        step: counted from 0.

    Examples:
        >>> round_at([200, 200, 50], 250)
        (1, 150)
    """
    for number, steps in enumerate(rounds):
        if step < steps:
            return number, steps - step
        step -= steps
    return len(rounds) - 1, 0


def rounds_in_all(rounds: Sequence[int], checkpoint: Mapping[str, Any] | None) -> int:
    """Total number of rounds as Lightning counts them: one that was cut short counts twice.

    Args:
        rounds: steps of each.
        checkpoint: the checkpoint to resume from, with its `steps_done`; None for a new run.
    """
    if checkpoint is None:
        return len(rounds)
    number, left = round_at(rounds, checkpoint["steps_done"])
    return int(checkpoint["epoch"]) + 1 + (len(rounds) - number if left else 0)
