"""A discriminator that looks at the features of a fixed face network instead of at pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from inpainter.face_features import LEVELS, FaceFeatures
from weights.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence


class ProjectedDiscriminator(nn.Module):
    """Small spectrally normalised heads on several levels of `FaceFeatures`.

    The features already know what eyes, noses and mouths look like, so the heads need only learn
    which of them are false; that takes a fraction of the steps of a discriminator from nothing,
    and of its time. A fixed random mixing of the channels keeps the heads from resting on a few.

    Args:
        width: channels of the heads; the fine levels 0 and 1, whose maps are large, get a quarter
            and half of it.
        levels: which of the levels 0 (fine) to 4 (coarse) get a head.
        size: side that pictures are brought to; None takes them as they are.
        weights: dlib's file; None takes the one of the package `face_recognition_models`.

    Raises:
        ConfigurationError: a level is unknown, or none is asked for.
        MissingDependencyError: the package with the features is not installed.
        WeightsError: its file is damaged.

    Source: Sauer et al. 2021, "Projected GANs Converge Faster", on the features of `FaceFeatures`.
    """

    def __init__(
        self,
        width: int = 64,
        levels: Sequence[int] = (0, 1, 2, 3),
        size: int | None = None,
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        if not levels or not set(levels) <= set(range(len(LEVELS))):
            raise ConfigurationError(
                f"levels of the projected discriminator must be among 0 to {len(LEVELS) - 1}, but "
                f"are {list(levels)}."
            )
        self.levels = tuple(levels)
        self.features = FaceFeatures(size, weights)
        self.heads = nn.ModuleList(
            _Head(LEVELS[level], width >> max(0, 2 - level)) for level in self.levels
        )

    def forward(self, picture: Tensor, hole: Tensor) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1] with holes `(N, 1, H, W)`.

        Returns:
            One map `(N, levels, h, w)` of scores, one channel a level; coarse levels are repeated
            to the size of the finest, so that all weigh alike in a mean.
        """
        maps = self.features(picture)
        scores = [
            head(maps[level], hole) for head, level in zip(self.heads, self.levels, strict=True)
        ]
        return [stack_scores(scores)]


def stack_scores(scores: Sequence[Tensor]) -> Tensor:
    """Repeat maps of scores `(N, C_i, h_i, w_i)` to the largest side and stack them by channels."""
    largest = max((one.shape[-2:] for one in scores), key=lambda shape: shape[0] * shape[1])
    return torch.cat(
        [functional.interpolate(one, size=largest, mode="nearest") for one in scores], dim=1
    )


class _Head(nn.Module):
    mixing: Tensor

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        mixing = torch.empty(width, channels, 1, 1)
        nn.init.kaiming_normal_(mixing, nonlinearity="linear")
        self.register_buffer("mixing", mixing)
        self.first = spectral_norm(nn.Conv2d(width + 1, width, 3, padding=1))
        self.second = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
        self.score = spectral_norm(nn.Conv2d(width, 1, 1))

    def forward(self, features: Tensor, hole: Tensor) -> Tensor:
        mixed = functional.conv2d(features, self.mixing)
        missing = functional.adaptive_avg_pool2d(hole, (features.shape[2], features.shape[3]))
        features = functional.leaky_relu(self.first(torch.cat([mixed, missing], dim=1)), 0.2)
        features = functional.leaky_relu(self.second(features), 0.2)
        scores: Tensor = self.score(features)
        return scores
