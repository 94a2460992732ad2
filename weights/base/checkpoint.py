"""Training checkpoints: tensors and plain values, which cannot run code."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weights.base.atomic import write_whole
from weights.base.errors import TrainingError


def write_checkpoint(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write the state of a training atomically, replacing an earlier file.

    Args:
        path: the file.
        state: tensors, numbers, texts, and dicts and lists of them.

    Raises:
        OutputError: it cannot be written.
    """
    import torch

    # On a full disk torch's own writing fails with an unclear error.
    content = io.BytesIO()
    torch.save(dict(state), content)
    write_whole(path, content.getbuffer(), overwrite=True)


def read_checkpoint(path: str | Path, holds: tuple[str, ...], device: Any = "cpu") -> Any:
    """Read what `write_checkpoint` wrote; no code in the file is run.

    Args:
        path: the file.
        holds: keys that the state must have.
        device: where its tensors go, as `torch.load` takes it.

    Raises:
        TrainingError: the file is damaged, or is not such a checkpoint.
    """
    import torch

    try:
        # torch itself does not compare the checksums that it writes.
        with zipfile.ZipFile(path) as archive:
            whole = archive.testzip() is None
        state = torch.load(path, map_location=device, weights_only=True) if whole else None
    # A damaged archive, or a pickle of other things, raises any of many errors.
    except Exception as error:
        raise _unfit(path) from error
    if not isinstance(state, dict) or not state.keys() >= set(holds):
        raise _unfit(path)
    return state


def unfit_checkpoint(path: str | Path, reason: object) -> TrainingError:
    """The error for a checkpoint that is whole, but does not fit what is trained."""
    text = " ".join(str(reason).split())
    return TrainingError(f"{path} does not fit this run, start over with --restart: {text[:200]}.")


def _unfit(path: str | Path) -> TrainingError:
    return TrainingError(
        f"{path} is damaged, or not a checkpoint of this program: start over with --restart."
    )
