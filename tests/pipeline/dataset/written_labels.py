"""Outlines as a detector in training reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.data.yolo_dataset import read_labels

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


def read_outlines(picture: Path, width: int, height: int) -> list[np.ndarray]:
    """The outlines `(K, 2)` that are written for a picture of a data set, in pixels."""
    return [polygon * (width, height) - 0.5 for polygon in read_labels(picture, 1).polygons]
