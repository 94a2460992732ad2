"""Losses: each a function of tensors, and a module of the same name for recipes.

Picture losses are called `loss(result, target, hole)`: pictures `(N, 3, H, W)` in [-1, 1], hole
`(N, 1, H, W)` with 1 = missing. Adversarial losses and feature matching take a discriminator's
output.
"""

from inpainter.losses.adversarial import AdversarialLoss, r1_penalty
from inpainter.losses.edge import EdgeLoss, edge_loss, sobel_edges
from inpainter.losses.feature_matching import FeatureMatchingLoss, feature_matching_loss
from inpainter.losses.frequency import (
    FocalFrequencyLoss,
    LaplacianPyramidLoss,
    focal_frequency_loss,
    laplacian_pyramid_loss,
)
from inpainter.losses.geometric_alignment import GeometricAlignmentLoss, response_centres
from inpainter.losses.gradient import GradientLoss, PoissonLoss, gradient_loss, poisson_loss
from inpainter.losses.perceptual import PerceptualLoss, StyleLoss, VggFeatures
from inpainter.losses.reconstruction import L1Loss, MSELoss, PSNRLoss, l1_loss, mse_loss, psnr_loss
from inpainter.losses.regions import discount_weights, region_weight
from inpainter.losses.registry import create_loss, list_losses
from inpainter.losses.self_guided import SelfGuidedLoss, error_guidance
from inpainter.losses.total_variation import TotalVariationLoss, total_variation_loss

__all__ = [
    "AdversarialLoss",
    "EdgeLoss",
    "FeatureMatchingLoss",
    "FocalFrequencyLoss",
    "GeometricAlignmentLoss",
    "GradientLoss",
    "L1Loss",
    "LaplacianPyramidLoss",
    "MSELoss",
    "PSNRLoss",
    "PerceptualLoss",
    "PoissonLoss",
    "SelfGuidedLoss",
    "StyleLoss",
    "TotalVariationLoss",
    "VggFeatures",
    "create_loss",
    "discount_weights",
    "edge_loss",
    "error_guidance",
    "feature_matching_loss",
    "focal_frequency_loss",
    "gradient_loss",
    "l1_loss",
    "laplacian_pyramid_loss",
    "list_losses",
    "mse_loss",
    "poisson_loss",
    "psnr_loss",
    "r1_penalty",
    "region_weight",
    "response_centres",
    "sobel_edges",
    "total_variation_loss",
]
