"""Nested deformable multi-head attention (Phutke and Murala, WACV 2023)."""

from __future__ import annotations

import itertools
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.channel_norm import PixelNorm
from inpainter.networks.blocks.gated_convolution import GatedConvolution
from inpainter.networks.blocks.nested_attention import NestedDeformableAttention
from weights.base.errors import ConfigurationError

_gated = partial(
    GatedConvolution,
    activation=partial(functional.leaky_relu, negative_slope=0.2),
    normalization=PixelNorm,
)

# Those of DMFN's blocks. For 256 pixels the bottleneck is 16 wide: with more than 8, most kernel
# points would only ever see padding.
_DILATIONS = (1, 2, 4, 8)


class NestedAttentionUNet(nn.Module):
    """One stage: a five-level gated U-Net, `(N, C, H, W)` to a picture `(N, 3, H, W)`.

    Args:
        in_channels: C.
        widths: channels from full resolution down to a sixteenth of it.
        heads: attention heads between encoder and decoder; None concatenates the two instead.
    """

    def __init__(self, in_channels: int, widths: list[int], heads: int | None) -> None:
        super().__init__()
        self.stem = _gated(in_channels, widths[0])
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(_gated(shallow, deep, stride=2) for shallow, deep in pairs)
        self.middle = nn.Sequential(
            *(_gated(widths[-1], widths[-1], dilation=dilation) for dilation in _DILATIONS)
        )
        pairs.reverse()
        self.up = nn.ModuleList(_gated(deep, shallow) for shallow, deep in pairs)
        self.attention = nn.ModuleList(
            NestedDeformableAttention(shallow, heads) for shallow, _ in pairs if heads is not None
        )
        self.merge = nn.ModuleList(_gated(2 * shallow, shallow) for shallow, _ in pairs)
        self.output = nn.Conv2d(widths[0], 3, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Map `(N, C, H, W)`, sides multiples of 16, to `(N, 3, H, W)` in [-1, 1]."""
        features = self.stem(picture)
        skips = []
        for down in self.down:
            skips.append(features)
            features = down(features)
        features = self.middle(features)
        for level, (up, merge) in enumerate(zip(self.up, self.merge, strict=True)):
            features = up(functional.interpolate(features, scale_factor=2.0, mode="nearest"))
            skip = skips.pop()
            both = (
                self.attention[level](features, skip)
                if self.attention
                else torch.cat([features, skip], dim=1)
            )
            features = merge(both)
        return torch.tanh(self.output(features))


class NestedDeformableAttentionNetwork(CompletionNetwork):
    """Two gated U-Nets in sequence; the second one's skips are nested deformable attention.

    Phutke and Murala 2023, "Nested Deformable Multi-head Attention for Facial Image Inpainting".
    The first stage's output fills the hole for the second, and is the coarse picture.

    The released code contradicts the paper in places; this network follows the paper:

    - the modulation is passed to the deformable convolution (there it is computed and dropped);
    - the bottleneck's convolutions are dilated, by 1, 2, 4 and 8 (there by 1 each);
    - the first stage's last level has its skip;
    - an attention head has at least two channels, so that its temperature has an effect.

    It is designed to stay finite from random weights: a normalisation without parameters follows
    each gated convolution, the offsets of the deformable convolutions start at zero, and both
    stages end in tanh, so that the second never sees a picture out of range.

    Parameters at divisor 8: 4,124,418 with 4 input channels (picture and hole), 4,124,994 with the
    6 of the release (`hole_channels=3`). The release has 4,127,850: minus 4,000 in batch
    normalisations that it never uses and 8 temperatures of one-channel heads, plus 1,152 weights
    for the skip, that is the same number.

    Args:
        width_divisor: divides the widths 64, 128, 256, 512 and 1024; 1, 2, 4, 8, 16 or 32.
        heads: maximum attention heads, a power of two.
        hole_channels: how many times the hole is repeated at the input.

    Raises:
        ConfigurationError: the divisor is not one of these.
    """

    divisor: ClassVar[int] = 16
    # The first version with deformable convolution.
    onnx_opset: ClassVar[int] = 19

    def __init__(self, width_divisor: int = 8, heads: int = 8, hole_channels: int = 1) -> None:
        super().__init__()
        if width_divisor not in (1, 2, 4, 8, 16, 32):
            raise ConfigurationError(
                f"width_divisor must be 1, 2, 4, 8, 16 or 32, but is {width_divisor!r}."
            )
        widths = [width // width_divisor for width in (64, 128, 256, 512, 1024)]
        self.hole_channels = hole_channels
        self.coarse = NestedAttentionUNet(3 + hole_channels, widths, None)
        self.fine = NestedAttentionUNet(3 + hole_channels, widths, heads)

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]: the first stage's picture and the second's."""
        holes = hole.expand(-1, self.hole_channels, -1, -1)
        coarse = self.coarse(torch.cat([image, holes], dim=1))
        filled = image + coarse * hole
        return coarse, self.fine(torch.cat([filled, holes], dim=1))
