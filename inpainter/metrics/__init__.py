"""How near a completed picture comes to the true one.

Everything takes uint8 RGB `(H, W, 3)` and bool regions `(H, W)`, and gives plain floats.
"""

from inpainter.metrics.colour import colour_distance, colour_shift
from inpainter.metrics.landmarks import (
    MOUTH_AND_JAW,
    DlibLandmarks,
    LandmarkFinder,
    landmark_error,
)
from inpainter.metrics.pixel import l1, psnr
from inpainter.metrics.sharpness import laplacian_energy, sharpness_ratio
from inpainter.metrics.similarity import mean_over, seam_ring, ssim, ssim_map

__all__ = [
    "MOUTH_AND_JAW",
    "DlibLandmarks",
    "LandmarkFinder",
    "colour_distance",
    "colour_shift",
    "l1",
    "landmark_error",
    "laplacian_energy",
    "mean_over",
    "psnr",
    "seam_ring",
    "sharpness_ratio",
    "ssim",
    "ssim_map",
]
