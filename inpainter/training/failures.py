"""Turning framework errors during training into one-sentence errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from inpainter.training.module import CompletionTraining
from weights.base.errors import TrainingError, UnmaskError

_NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "ALLOC_FAILED")


@contextmanager
def training_failures(module: CompletionTraining) -> Iterator[None]:
    """Report exhausted memory, or networks that cannot take the pictures' size, in one sentence.

    Args:
        module: what is trained inside the block.

    Raises:
        TrainingError: memory ran out inside the block, or its first step failed.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _no_memory(module) from error
    except UnmaskError:
        raise
    except RuntimeError as error:
        if any(words in str(error) for words in _NO_MEMORY):
            raise _no_memory(module) from error
        if module.steps_in_phase == 0:
            raise _no_step(module, error) from error
        raise


def _no_step(module: CompletionTraining, error: Exception) -> TrainingError:
    names = [str(module.recipe.network["name"])]
    if module.recipe.adversarial is not None:
        names.append(str(module.recipe.adversarial.discriminator["name"]))
    reason = " ".join(str(error).split())
    return TrainingError(
        f"The recipe cannot be trained: {' and '.join(names)} cannot take a batch of "
        f"{module.phase.batch} pictures of {module.phase.size} pixels, as "
        f"phases.{module.recipe.phases.index(module.phase)} says ({reason})."
    )


def _no_memory(module: CompletionTraining) -> TrainingError:
    phase, parts = module.phase, module.recipe.optimizer.accumulate
    cut = f" in {parts} parts" if parts > 1 else ""
    return TrainingError(
        f"Memory ran out with batch {phase.batch}{cut} at {phase.size} pixels: lower `batch` in "
        "the recipe's phases, or cut each batch into more parts by `accumulate` of its optimizer."
    )
