"""Completion: networks that paint what a hole hides, their training, and their measuring.

`import inpainter` loads neither torch nor Lightning; each name is imported when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
