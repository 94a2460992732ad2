"""Turning a framework's failure during training into one sentence."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from weights.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inpainter.training.module import CompletionTraining

_NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "ALLOC_FAILED")


@contextmanager
def training_failures(module: CompletionTraining) -> Iterator[None]:
    """Say in one sentence that memory ran out, and with which batch size.

    Args:
        module: what is trained inside the block.

    Raises:
        TrainingError: memory ran out inside the block.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _no_memory(module) from error
    except RuntimeError as error:
        if any(words in str(error) for words in _NO_MEMORY):
            raise _no_memory(module) from error
        raise


def _no_memory(module: CompletionTraining) -> TrainingError:
    phase, parts = module.phase, module.recipe.optimizer.accumulate
    cut = f" in {parts} parts" if parts > 1 else ""
    return TrainingError(
        f"Memory ran out with batch {phase.batch}{cut} at {phase.size} pixels: lower `batch` in "
        "the recipe's phases, or cut each batch into more parts by `accumulate` of its optimizer."
    )
