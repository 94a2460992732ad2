"""Takes face masks off photos: stages, the pipeline that chains them, and `unmask()`.

Every public name is imported when it is first used, so that `import pipeline` loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detector.regions import MaskRegion
    from pipeline.core import Pipeline
    from pipeline.protocols import Blender, Detector, Inpainter, Refiner
    from pipeline.registry import create_stage, stage_names
    from pipeline.result import FaceFill, UnmaskResult
    from pipeline.unmasking import unmask

__all__ = [
    "Blender",
    "Detector",
    "FaceFill",
    "Inpainter",
    "MaskRegion",
    "Pipeline",
    "Refiner",
    "UnmaskResult",
    "create_stage",
    "stage_names",
    "unmask",
]

_HOMES = {
    "Blender": "pipeline.protocols",
    "Detector": "pipeline.protocols",
    "FaceFill": "pipeline.result",
    "Inpainter": "pipeline.protocols",
    "MaskRegion": "detector.regions",
    "Pipeline": "pipeline.core",
    "Refiner": "pipeline.protocols",
    "UnmaskResult": "pipeline.result",
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
