"""Matching a discriminator's features of real and completed pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from inpainter.losses.regions import to_float32
from weights.base.errors import ConfigurationError, InputError

FeatureDistance = Literal["absolute", "squared"]
"""Mean absolute or mean squared difference of features."""


def feature_matching_loss(
    fake: Sequence[Tensor],
    real: Sequence[Tensor],
    weights: Sequence[float] | None = None,
    distance: FeatureDistance = "absolute",
) -> Tensor:
    """Weighted mean over layers of the mean difference of features.

    Args:
        fake: features of the completed pictures, one tensor of any shape per layer.
        real: features of the real pictures, same shapes; no gradient flows into them.
        weights: one per layer; None for equal weights.
        distance: "absolute", as in pix2pixHD, or "squared", as in LaMa.

    Raises:
        InputError: the lists are empty or do not fit one another.

    Source: Wang et al. 2018, "High-Resolution Image Synthesis and Semantic Manipulation with
    Conditional GANs" (pix2pixHD); Suvorov et al. 2022 (LaMa).
    """
    shares = [1.0] * len(fake) if weights is None else list(weights)
    if not fake or len(fake) != len(real) or len(shares) != len(fake):
        raise InputError(
            "Feature matching needs as many layers of fake as of real features and as many "
            f"weights, but got {len(fake)}, {len(real)} and {len(shares)}."
        )
    terms = []
    for one, other, share in zip(fake, real, shares, strict=True):
        if one.shape != other.shape:
            raise InputError(
                f"Feature matching compares layers of one shape, but got {tuple(one.shape)} and "
                f"{tuple(other.shape)}."
            )
        difference = to_float32(one) - to_float32(other.detach())
        costs = difference.square() if distance == "squared" else difference.abs()
        terms.append(share * costs.mean())
    return torch.stack(terms).sum() / sum(shares)


class FeatureMatchingLoss(nn.Module):
    """`feature_matching_loss` with fixed layer weights.

    Args:
        weights: one per layer; None for equal weights.

    Raises:
        ConfigurationError: a weight is negative, or all are 0.
    """

    def __init__(self, weights: Sequence[float] | None = None) -> None:
        super().__init__()
        if weights is not None and (min(weights) < 0 or sum(weights) <= 0):
            raise ConfigurationError(
                f"Layer weights must be 0 or above and not all 0, but are {list(weights)}."
            )
        self.weights = None if weights is None else [float(weight) for weight in weights]

    def forward(self, fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
        """Compare two lists of features; returns a scalar."""
        return feature_matching_loss(fake, real, self.weights)
