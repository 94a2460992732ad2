"""Finding face masks: regions, the YOLO detector, its training, and how it is measured."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detector.evaluation import evaluate_detector
    from detector.regions import MaskRegion
    from detector.training import train_detector
    from detector.yolo import YoloMaskDetector

__all__ = ["MaskRegion", "YoloMaskDetector", "evaluate_detector", "train_detector"]

_HOMES = {
    "MaskRegion": "detector.regions",
    "YoloMaskDetector": "detector.yolo",
    "evaluate_detector": "detector.evaluation",
    "train_detector": "detector.training",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
