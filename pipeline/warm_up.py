"""Loading a pipeline's stages before they are needed, or before they are timed."""

from __future__ import annotations

import numpy as np

from pipeline.core import Pipeline


def warm_up(pipeline: Pipeline, *, detected: bool = True) -> None:
    """Run a small picture through the stages to load them; first calls are slow.

    Args:
        pipeline: whose stages are loaded.
        detected: whether the detector and the refiner will be needed.

    Raises:
        UnmaskError: a stage cannot be loaded.
    """
    grey = np.full((64, 64, 3), 127, np.uint8)
    hole = np.zeros((64, 64), np.bool_)
    hole[24:40, 24:40] = True
    if detected:
        pipeline.run([grey])
        # There is no mask in it, so the refiner was not loaded.
        _ = pipeline.refiner
    pipeline.run([grey], [hole])
