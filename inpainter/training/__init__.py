"""Training of completion networks: from a recipe to weights.

The loop needs Lightning, from the extra `unmask[train]`; recipes can be read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inpainter.training.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from inpainter.training.loop import TrainedInpainter, train_inpainter

__all__ = ["Recipe", "TrainedInpainter", "read_recipe", "train_inpainter"]


def __getattr__(name: str) -> Any:
    if name in {"TrainedInpainter", "train_inpainter"}:
        try:
            from inpainter.training import loop
        except ModuleNotFoundError as error:
            from weights.base.errors import MissingDependencyError

            if error.name is None or error.name.partition(".")[0] not in {
                "lightning",
                "tensorboard",
            }:
                raise
            raise MissingDependencyError(
                f"Training needs {error.name!r}: install it with `pip install 'unmask[train]'`."
            ) from error
        return getattr(loop, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
