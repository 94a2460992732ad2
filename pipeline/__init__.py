"""Takes face masks off photos: stages, the pipeline that chains them, and `unmask()`.

Every public name is imported when it is first used, so that `import pipeline` loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detector.regions import MaskRegion
    from pipeline.core import Pipeline
    from pipeline.pictures import PictureSource
    from pipeline.protocols import Blender, Detector, Inpainter, Refiner
    from pipeline.registry import create_stage, stage_names
    from pipeline.result import FaceFill, UnmaskResult
    from pipeline.unmasking import unmask
    from weights.contracts import Hole, Image, Mask
    from weights.errors import (
        ConfigurationError,
        InputError,
        MissingDependencyError,
        OutputError,
        TrainingError,
        UnmaskError,
        WeightsError,
    )

__all__ = [
    "Blender",
    "ConfigurationError",
    "Detector",
    "FaceFill",
    "Hole",
    "Image",
    "Inpainter",
    "InputError",
    "Mask",
    "MaskRegion",
    "MissingDependencyError",
    "OutputError",
    "PictureSource",
    "Pipeline",
    "Refiner",
    "TrainingError",
    "UnmaskError",
    "UnmaskResult",
    "WeightsError",
    "create_stage",
    "stage_names",
    "unmask",
]

_HOMES = {
    "Blender": "pipeline.protocols",
    "ConfigurationError": "weights.errors",
    "Detector": "pipeline.protocols",
    "FaceFill": "pipeline.result",
    "Hole": "weights.contracts",
    "Image": "weights.contracts",
    "Inpainter": "pipeline.protocols",
    "InputError": "weights.errors",
    "Mask": "weights.contracts",
    "MaskRegion": "detector.regions",
    "MissingDependencyError": "weights.errors",
    "OutputError": "weights.errors",
    "PictureSource": "pipeline.pictures",
    "Pipeline": "pipeline.core",
    "Refiner": "pipeline.protocols",
    "TrainingError": "weights.errors",
    "UnmaskError": "weights.errors",
    "UnmaskResult": "pipeline.result",
    "WeightsError": "weights.errors",
    "create_stage": "pipeline.registry",
    "stage_names": "pipeline.registry",
    "unmask": "pipeline.unmasking",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
