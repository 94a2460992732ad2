"""The state of a detector's training on disk: tensors and plain values, of which none can run code.

Ultralytics pickles its networks and reads them by running what the file says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weights.atomic import atomic_path
from weights.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHECKPOINT_NAME = "last.pt"
"""Name of the checkpoint in the folder `weights` of a run's folder."""

_FORMAT = "unmask.detector-training"


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write the state of a training, whole or not at all.

    Args:
        path: the file; an earlier one is replaced.
        state: tensors, numbers, texts, and dicts and lists of them.
    """
    import torch

    with atomic_path(path, overwrite=True) as temporary:
        torch.save({"format": _FORMAT, **state}, temporary)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `write_checkpoint` wrote; nothing in the file is run.

    Raises:
        TrainingError: the file is damaged, or holds anything else.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    # A damaged archive, or a pickle of other things, is any of many errors.
    except Exception as error:
        raise _unfit(path) from error
    if not isinstance(state, dict) or state.pop("format", None) != _FORMAT:
        raise _unfit(path)
    return state


def _unfit(path: Path) -> TrainingError:
    return TrainingError(
        f"{path} is damaged, or no checkpoint of this program: begin anew with --restart."
    )
