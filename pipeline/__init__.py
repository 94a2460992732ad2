"""Takes face masks off photos: stages, the pipeline that chains them, and `unmask()`.

Every public name is imported when it is first used, so that `import pipeline` loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.base.lazy_names import lazy_names
from weights.former_names import keep_former_names

if TYPE_CHECKING:
    from pipeline.core import Pipeline
    from pipeline.result import FaceFill, UnmaskResult
    from pipeline.stages.registry import create_stage, stage_names
    from pipeline.unmasking import unmask
    from weights.base.contracts import Hole, Image, Mask
    from weights.base.errors import (
        ConfigurationError,
        InputError,
        MissingDependencyError,
        OutputError,
        TrainingError,
        UnmaskError,
        WeightsError,
    )
    from weights.base.protocols import Blender, Detector, Inpainter, Refiner
    from weights.base.regions import MaskRegion
    from weights.images import PictureSource

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

keep_former_names()

_HOMES = {
    "Blender": "weights.base.protocols",
    "ConfigurationError": "weights.base.errors",
    "Detector": "weights.base.protocols",
    "FaceFill": "pipeline.result",
    "Hole": "weights.base.contracts",
    "Image": "weights.base.contracts",
    "Inpainter": "weights.base.protocols",
    "InputError": "weights.base.errors",
    "Mask": "weights.base.contracts",
    "MaskRegion": "weights.base.regions",
    "MissingDependencyError": "weights.base.errors",
    "OutputError": "weights.base.errors",
    "PictureSource": "weights.images",
    "Pipeline": "pipeline.core",
    "Refiner": "weights.base.protocols",
    "TrainingError": "weights.base.errors",
    "UnmaskError": "weights.base.errors",
    "UnmaskResult": "pipeline.result",
    "WeightsError": "weights.base.errors",
    "create_stage": "pipeline.stages.registry",
    "stage_names": "pipeline.stages.registry",
    "unmask": "pipeline.unmasking",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
