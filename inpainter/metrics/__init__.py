"""Metrics that compare completed pictures with the ground truth.

All take uint8 RGB `(H, W, 3)` and bool regions `(H, W)`, and return plain floats. Networks that
some metrics need are never downloaded.
"""

from inpainter.metrics.colour import colour_distance, colour_shift
from inpainter.metrics.detail import SIGMAS, alternation, detail_kept, grid_energy
from inpainter.metrics.distribution import (
    FeatureExtractor,
    FeatureNetwork,
    frechet_distance,
    kernel_distance,
)
from inpainter.metrics.identity import IDENTITY_WARNING, DlibIdentity
from inpainter.metrics.landmarks import (
    MOUTH_AND_JAW,
    DlibLandmarks,
    LandmarkFinder,
    landmark_error,
)
from inpainter.metrics.multi_scale import MultiScaleSimilarity, ms_ssim
from inpainter.metrics.perceptual import LearnedPerceptualDistance
from inpainter.metrics.pixel import l1, psnr
from inpainter.metrics.realism import HoleFeatures, detectability, realism_distance
from inpainter.metrics.sharpness import laplacian_energy, sharpness_ratio
from inpainter.metrics.similarity import mean_over, mean_similarity, seam_ring, ssim, ssim_map

__all__ = [
    "IDENTITY_WARNING",
    "MOUTH_AND_JAW",
    "SIGMAS",
    "DlibIdentity",
    "DlibLandmarks",
    "FeatureExtractor",
    "FeatureNetwork",
    "HoleFeatures",
    "LandmarkFinder",
    "LearnedPerceptualDistance",
    "MultiScaleSimilarity",
    "alternation",
    "colour_distance",
    "colour_shift",
    "detail_kept",
    "detectability",
    "frechet_distance",
    "grid_energy",
    "kernel_distance",
    "l1",
    "landmark_error",
    "laplacian_energy",
    "mean_over",
    "mean_similarity",
    "ms_ssim",
    "psnr",
    "realism_distance",
    "seam_ring",
    "sharpness_ratio",
    "ssim",
    "ssim_map",
]
