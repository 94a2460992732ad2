"""The verifier network: is a detection a worn mask, and where are its edges?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from detector.find.weight_file import LARGEST_SIDE
from weights.base.errors import ConfigurationError
from weights.catalog.efficientnet_trunk import (
    CHANNELS,
    DIVISOR,
    EfficientNetLite,
    decoder_unit,
)

PLANES = 2
"""Outputs of the network: the mask without straps, and its straps."""


@dataclass(frozen=True)
class VerifierConfiguration:
    """Everything needed to build the network and crop pictures for it.

    Attributes:
        widths: channels of the decoder at 1/16, 1/8, 1/4 and 1/2 of the crop's side.
        size: side of the crops in pixels, a multiple of 32.
        first_size: side of the crops of a first, coarser pass, a multiple of 32.
        context: side of a crop relative to the longer side of the detection's box.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    widths: tuple[int, ...] = (96, 64, 48, 32)
    size: int = 256
    first_size: int = 160
    context: float = 1.8

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(int(width) for width in self.widths))
        if len(self.widths) != len(CHANNELS) - 1 or min(self.widths) < 1:
            raise ConfigurationError(
                f"A verifier needs {len(CHANNELS) - 1} widths above 0, but got {self.widths}."
            )
        for size in (self.first_size, self.size):
            if size % DIVISOR or not DIVISOR <= size <= LARGEST_SIDE:
                raise ConfigurationError(
                    f"The size of the crops must be a multiple of {DIVISOR}, at most "
                    f"{LARGEST_SIDE}, but is {size!r}."
                )
        if not self.context > 1.0:
            raise ConfigurationError(f"The context must be above 1, but is {self.context!r}.")


class VerifierNetwork(nn.Module):
    """Verifies crops round detections: a score for each, and the mask at its centre.

    The encoder is EfficientNet-Lite0, whose coarsest features give the score. A decoder with skip
    connections (Ronneberger et al. 2015, "U-Net") and sub-pixel output (Shi et al. 2016) predicts
    the mask and its straps at the crop's own size.

    Args:
        configuration: widths of the decoder.
    """

    def __init__(self, configuration: VerifierConfiguration) -> None:
        super().__init__()
        self.encoder = EfficientNetLite()
        self.up = nn.ModuleList()
        inputs = CHANNELS[-1]
        for skip, width in zip(reversed(CHANNELS[:-1]), configuration.widths, strict=True):
            self.up.append(decoder_unit(inputs + skip, width))
            inputs = width
        self.outline = nn.Conv2d(inputs, 4 * PLANES, 3, padding=1)
        self.score = nn.Linear(2 * CHANNELS[-1], 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Verify crops.

        Args:
            pictures: `(N, 3, S, S)` RGB in [0, 1].

        Returns:
            Logits of the scores `(N,)`, and of the outlines `(N, 2, S, S)`: above 0 on the mask
            without straps, and in the second plane on its straps.
        """
        *skips, features = self.encoder(2.0 * pictures - 1.0)
        summary = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        for up in self.up:
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = up(torch.cat([features, skips.pop()], dim=1))
        return self.score(summary)[:, 0], functional.pixel_shuffle(self.outline(features), 2)
