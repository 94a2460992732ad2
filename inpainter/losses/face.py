"""Perceptual loss on the features of a face network, where ImageNet's are not to be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from inpainter.face_features import LEVELS, FaceFeatures
from inpainter.losses.regions import widen
from weights.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence


class FacePerceptualLoss(nn.Module):
    """Distance of face features inside the hole, level by level, as a share of the true ones.

    What is known is put round the result before it is looked at, so that the hole alone is judged.

    Args:
        level_weights: one per level of `FaceFeatures`, fine to coarse.
        size: side that pictures are brought to; None takes them as they are.
        weights: dlib's file; None takes the one of the package `face_recognition_models`.

    Raises:
        ConfigurationError: there are not as many weights as levels, or one is negative.
        MissingDependencyError: the package with the features is not installed.
        WeightsError: its file is damaged.

    Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer", on the features
    of `FaceFeatures`.
    """

    def __init__(
        self,
        level_weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0),
        size: int | None = None,
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        shares = [float(share) for share in level_weights]
        if len(shares) != len(LEVELS) or min(shares) < 0 or sum(shares) <= 0:
            raise ConfigurationError(
                f"level_weights of the face perceptual loss must be {len(LEVELS)} numbers of 0 or "
                f"above and not all 0, but are {shares}."
            )
        self.level_weights = [share / sum(shares) for share in shares]
        self.features = FaceFeatures(size, weights)

    def forward(self, result: Tensor, target: Tensor, hole: Tensor) -> Tensor:
        """Compare `(N, 3, H, W)` pictures in [-1, 1] inside `hole` `(N, 1, H, W)`. Gives a scalar.

        0 for equal pictures; 1 means as different as two faces' features are large.
        """
        with torch.no_grad():
            true_maps = self.features(target)
        maps = self.features(torch.where(hole > 0.5, result, target))
        total = result.new_zeros(())
        for share, one, true in zip(self.level_weights, maps, true_maps, strict=True):
            if share > 0:
                difference = (widen(one) - widen(true)).abs().mean()
                total = total + share * difference / widen(true).abs().mean().clamp_min(1e-6)
        return total
