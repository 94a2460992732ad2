"""Completion: networks that fill holes, their training and their evaluation.

`import inpainter` loads neither torch nor Lightning; names are imported lazily.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.base.lazy_names import lazy_names
from weights.former_names import keep_former_names

if TYPE_CHECKING:
    from inpainter.classical import BiharmonicInpainter, NavierStokesInpainter, TeleaInpainter
    from inpainter.completion import NetworkInpainter
    from inpainter.evaluation.evaluate import evaluate_inpainter
    from inpainter.outputs import CompletionOutput
    from inpainter.registry import create_discriminator, create_model, list_models
    from inpainter.training import Recipe, TrainedInpainter, read_recipe, train_inpainter

__all__ = [
    "BiharmonicInpainter",
    "CompletionOutput",
    "NavierStokesInpainter",
    "NetworkInpainter",
    "Recipe",
    "TeleaInpainter",
    "TrainedInpainter",
    "create_discriminator",
    "create_model",
    "evaluate_inpainter",
    "list_models",
    "read_recipe",
    "train_inpainter",
]

keep_former_names()

_HOMES = {
    "BiharmonicInpainter": "inpainter.classical",
    "CompletionOutput": "inpainter.outputs",
    "NavierStokesInpainter": "inpainter.classical",
    "NetworkInpainter": "inpainter.completion",
    "Recipe": "inpainter.training",
    "TeleaInpainter": "inpainter.classical",
    "TrainedInpainter": "inpainter.training",
    "create_discriminator": "inpainter.registry",
    "create_model": "inpainter.registry",
    "evaluate_inpainter": "inpainter.evaluation.evaluate",
    "list_models": "inpainter.registry",
    "read_recipe": "inpainter.training",
    "train_inpainter": "inpainter.training",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
