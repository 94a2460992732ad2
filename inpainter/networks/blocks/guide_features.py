"""What a guide says, to be added to a network's features."""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

_GAIN: Final = 10.0
"""By how much faster than other weights these learn: at first the guide says nothing, and what
moves nothing is not listened to."""


class GuideFeatures(nn.Module):
    """Makes of a guide what is added to a feature map of a smaller side.

    Its convolution starts at zero and has no bias, as those of ControlNet do (Zhang et al. 2023,
    "Adding Conditional Control to Text-to-Image Diffusion Models"): a trained network goes on from
    what it knows, and a guide that is empty changes nothing.

    Args:
        guide_channels: G.
        channels: C of the features.
        ratio: by how much smaller than the guide the features are; even.
    """

    def __init__(self, guide_channels: int, channels: int, ratio: int) -> None:
        super().__init__()
        self.pooling = ratio // 2
        self.convolution = nn.Conv2d(4 * guide_channels, channels, 3, padding=1, bias=False)
        nn.init.zeros_(self.convolution.weight)

    def forward(self, guide: Tensor) -> Tensor:
        """Map a guide `(N, G, H, W)` in [0, 1] to `(N, C, H / ratio, W / ratio)`."""
        cells = functional.pixel_unshuffle(functional.avg_pool2d(guide, self.pooling), 2)
        said: Tensor = self.convolution(cells)
        return _GAIN * said
