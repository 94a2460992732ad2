"""The network that predicts a face's landmarks, including those under a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from weights.base.errors import ConfigurationError
from weights.catalog.efficientnet_trunk import CHANNELS, EfficientNetLite, decoder_unit
from weights.landmarks.points import MIRRORED

POINTS = 68
"""The iBUG points: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67."""

LARGEST_SIDE = 512
"""Largest side of the input, in pixels."""

_STAGES = 5
"""Stages of the trunk in use: up to a 16th of the side."""

_DIVISOR = 16


@dataclass(frozen=True)
class LandmarkConfiguration:
    """Everything needed to build the network and to crop pictures for it.

    Attributes:
        widths: channels of the decoder at a 16th, an eighth and a quarter of the side.
        size: side of the crops in pixels, a multiple of 16.

    Raises:
        ConfigurationError: a value is out of range.
    """

    widths: tuple[int, ...] = (96, 64, 64)
    size: int = 128

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(int(width) for width in self.widths))
        if len(self.widths) != 3 or not all(1 <= width <= 1024 for width in self.widths):
            raise ConfigurationError(
                f"A landmark network needs three widths from 1 to 1024, but got {self.widths}."
            )
        if self.size % _DIVISOR or not _DIVISOR <= self.size <= LARGEST_SIDE:
            raise ConfigurationError(
                f"The size of the crops must be a multiple of {_DIVISOR}, at most "
                f"{LARGEST_SIDE}, but is {self.size!r}."
            )


class LandmarkOutputs(NamedTuple):
    """The network's outputs for `N` crops.

    Attributes:
        points: `(N, 68, 2)`, x y from 0 to 1 across the crop.
        face: logits `(N,)`, above 0 if a face fills the crop as in a `FaceFrame`.
        masked: logits `(N,)`, above 0 if that face wears a mask.
    """

    points: Tensor
    face: Tensor
    masked: Tensor


Predict = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""A `LandmarkNetwork`, or what another backend makes of it, which returns a plain tuple."""


class LandmarkNetwork(nn.Module):
    """Predicts the 68 points of the face in a crop, whether there is one, and whether it is masked.

    The first stages of EfficientNet-Lite0, a decoder with skip connections, and one heat map per
    point, whose mean position is the point (integral regression, Sun et al. 2018, "Integral Human
    Pose Regression").

    Args:
        configuration: widths of the decoder.
    """

    def __init__(self, configuration: LandmarkConfiguration) -> None:
        super().__init__()
        self.trunk = EfficientNetLite(stages=_STAGES)
        inputs = CHANNELS[3]
        self.up = nn.ModuleList()
        for skip, width in zip((0, CHANNELS[2], CHANNELS[1]), configuration.widths, strict=True):
            self.up.append(decoder_unit(inputs + skip, width))
            inputs = width
        self.maps = nn.Conv2d(inputs, POINTS, 1)
        self.judge = nn.Linear(2 * CHANNELS[3], 2)

    def forward(self, pictures: Tensor) -> LandmarkOutputs:
        """Predict the landmarks of crops `(N, 3, S, S)`, RGB in [0, 1]."""
        scaled = (2.0 * pictures - 1.0).to(self.maps.weight.dtype)
        _, quarter, eighth, features = self.trunk(scaled)
        summary = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        features = self.up[0](features)
        for up, skip in zip(list(self.up)[1:], (eighth, quarter), strict=True):
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = up(torch.cat([features, skip], dim=1))
        judged = self.judge(summary).float()
        return LandmarkOutputs(mean_places(self.maps(features)), judged[:, 0], judged[:, 1])


def with_mirror_images(pictures: Tensor) -> Tensor:
    """Append each crop's mirror image, `(N, 3, S, S)` to `(2 N, 3, S, S)`."""
    return torch.cat([pictures, pictures.flip(3)])


def average_mirrored(outputs: tuple[Tensor, Tensor, Tensor]) -> LandmarkOutputs:
    """Average the outputs for `N` crops and for their mirror images, see `with_mirror_images`."""
    points, face, masked = (one.unflatten(0, (2, -1)) for one in outputs)
    back = torch.stack([1.0 - points[1, :, :, 0], points[1, :, :, 1]], dim=2)
    return LandmarkOutputs(
        (points[0] + back[:, list(MIRRORED)]) / 2.0, face.mean(dim=0), masked.mean(dim=0)
    )


def mean_places(maps: Tensor) -> Tensor:
    """Mean position under each map's softmax: `(N, P, S, S)` to x y `(N, P, 2)`, 0 to 1 across."""
    side = maps.shape[-1]
    weights = maps.float().flatten(2).softmax(dim=2).unflatten(2, (side, side))
    places = (torch.arange(side, device=maps.device) + 0.5) / side
    x = (weights.sum(dim=2) * places).sum(dim=2)
    y = (weights.sum(dim=3) * places).sum(dim=2)
    return torch.stack([x, y], dim=2)
