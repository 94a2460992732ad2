"""Turning a framework's failure during training into one sentence."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from weights.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inpainter.training.recipe import Recipe


@contextmanager
def training_failures(recipe: Recipe) -> Iterator[None]:
    """Say in one sentence that memory ran out, and with which batch size.

    Raises:
        TrainingError: memory ran out inside the block.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _no_memory(recipe) from error
    except RuntimeError as error:
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            raise _no_memory(recipe) from error
        raise


def _no_memory(recipe: Recipe) -> TrainingError:
    largest = max(recipe.phases, key=lambda phase: phase.batch * phase.size**2)
    return TrainingError(
        f"Memory ran out with batch {largest.batch} at {largest.size} pixels: lower `batch` in the "
        "recipe's phases."
    )
