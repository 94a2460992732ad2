"""Training of completion networks: from a recipe to weights.

The loop needs Lightning, from the extra `unmask[train]`; recipes can be read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inpainter.training.recipe import Recipe, read_recipe
from weights.base.optional_libraries import missing_library

if TYPE_CHECKING:
    from inpainter.training.loop import TrainedInpainter, train_inpainter

__all__ = ["Recipe", "TrainedInpainter", "read_recipe", "train_inpainter"]


def __getattr__(name: str) -> Any:
    if name not in {"TrainedInpainter", "train_inpainter"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from inpainter.training import loop
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"lightning", "tensorboard"}:
            raise
        raise missing_library("Training", repr(error.name), "train") from error
    return getattr(loop, name)
