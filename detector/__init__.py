"""Face mask detection: regions, the YOLO detector, its training and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.base.lazy_names import lazy_names
from weights.former_names import keep_former_names

if TYPE_CHECKING:
    from detector.evaluation.evaluate import evaluate_detector
    from detector.find.yolo import YoloMaskDetector
    from detector.train.detector import train_detector
    from weights.base.regions import MaskRegion

__all__ = ["MaskRegion", "YoloMaskDetector", "evaluate_detector", "train_detector"]

keep_former_names()

_HOMES = {
    "MaskRegion": "weights.base.regions",
    "YoloMaskDetector": "detector.find.yolo",
    "evaluate_detector": "detector.evaluation.evaluate",
    "train_detector": "detector.train.detector",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
