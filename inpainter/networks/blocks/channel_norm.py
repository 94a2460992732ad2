"""Per-pixel normalisation over channels, independent of batch and picture size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel (Ba et al. 2016).

    Preserves the shape `(N, C, H, W)`, with a learned scale and shift for each channel.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        last = features.permute(0, 2, 3, 1)
        normalised = functional.layer_norm(last, last.shape[-1:], self.weight, self.bias)
        return normalised.permute(0, 3, 1, 2)


class PixelNorm(nn.Module):
    """Divides each pixel's channels `(N, C, H, W)` by their root mean square; nothing is learned.

    Karras et al. 2018 call it pixelwise feature normalisation. The output has a root mean square
    below 1, so activations cannot grow without bound. Pixels weaker than the square root of
    `epsilon` stay weak instead of becoming amplified noise.

    Args:
        channels: C; not used for the computation.
        epsilon: added to the mean square.
    """

    def __init__(self, channels: int, epsilon: float = 0.1) -> None:
        super().__init__()
        self.channels, self.epsilon = channels, epsilon

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        square = features.float().square().mean(dim=1, keepdim=True)
        return features * torch.rsqrt(square + self.epsilon).to(features.dtype)
