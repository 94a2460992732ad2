"""LaMa: large holes with fast Fourier convolutions (Suvorov et al. 2022)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.fourier_convolution import FourierConvolution
from inpainter.networks.blocks.reflection import reflect


class FourierResidualBlock(nn.Module):
    """Residual block of two fast Fourier convolutions, `(N, C, H, W)` to `(N, C, H, W)`.

    Args:
        channels: C.
        ratio: fraction of global channels.
    """

    def __init__(self, channels: int, ratio: float) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            FourierConvolution(channels, channels, in_ratio=ratio, out_ratio=ratio),
            FourierConvolution(channels, channels, in_ratio=ratio, out_ratio=ratio),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        return features + self.residual(features)


class LamaNetwork(CompletionNetwork):
    """Residual blocks of fast Fourier convolutions at an eighth of the resolution.

    Suvorov et al. 2022, "Resolution-robust Large Mask Inpainting with Fourier Convolutions". Every
    block sees the whole picture through its spectrum, so repeating structure continues across large
    holes. The input is the picture in [0, 1] with zeros in the hole, and the hole.

    Deliberate difference in training: a patch that contains any part of the hole is labelled fake.
    The authors' code downsamples the hole by nearest neighbour, which misses thin holes.

    27,048,835 parameters with 9 blocks (LaMa-Fourier), 50,975,875 with 18 (Big LaMa). The Fourier
    transforms always run in float32.

    Args:
        width: channels of the first convolution; they double with each halving.
        blocks: residual blocks.
        global_ratio: fraction of global channels, which are processed in the spectrum.
    """

    divisor: ClassVar[int] = 8
    symmetric: ClassVar[bool] = True

    def __init__(self, width: int = 64, blocks: int = 9, global_ratio: float = 0.75) -> None:
        super().__init__()
        widest = 8 * width
        self.encoder = nn.Sequential(
            FourierConvolution(4, width, 7, in_ratio=0.0, out_ratio=0.0),
            FourierConvolution(width, 2 * width, stride=2, in_ratio=0.0, out_ratio=0.0),
            FourierConvolution(2 * width, 4 * width, stride=2, in_ratio=0.0, out_ratio=0.0),
            FourierConvolution(4 * width, widest, stride=2, in_ratio=0.0, out_ratio=global_ratio),
        )
        self.middle = nn.Sequential(
            *(FourierResidualBlock(widest, global_ratio) for _ in range(blocks))
        )
        steps: list[nn.Module] = []
        for channels in (8 * width, 4 * width, 2 * width):
            steps += [
                nn.ConvTranspose2d(channels, channels // 2, 3, 2, padding=1, output_padding=1),
                nn.BatchNorm2d(channels // 2),
                nn.ReLU(),
            ]
        self.decoder = nn.Sequential(*steps)
        self.output = nn.Conv2d(width, 3, 7)

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        positive = 0.5 * (image + 1.0) * (1.0 - hole)
        features = self.encoder(torch.cat([positive, hole], dim=1))
        features = self.decoder(self.middle(features))
        return None, 2.0 * torch.sigmoid(self.output(reflect(features, 3))) - 1.0
