"""The inpainter fills from the mirror image."""

from __future__ import annotations

import numpy as np
from stage_names import INPAINTER

from pipeline import create_stage


def test_the_hole_is_filled_from_the_other_side() -> None:
    """A hole in the left half of a symmetric picture is filled without a trace."""
    half = np.random.default_rng(0).integers(0, 255, (16, 8, 3), np.uint8)
    crop = np.concatenate([half, half[:, ::-1]], axis=1)
    hole = np.zeros((16, 16), np.bool_)
    hole[4:12, 1:7] = True
    masked = crop.copy()
    masked[hole] = 0
    (fill,) = create_stage("inpainter", INPAINTER).complete([masked], [hole])
    assert np.array_equal(fill, crop)
