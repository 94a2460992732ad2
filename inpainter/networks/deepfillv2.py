"""DeepFill v2 (Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution")."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.contextual_attention import ContextualAttention, smaller_hole
from inpainter.networks.blocks.gated_convolution import GatedConvolution


def _dilated(channels: int) -> list[nn.Module]:
    return [GatedConvolution(channels, channels, dilation=dilation) for dilation in (2, 4, 8, 16)]


def _decoder(in_channels: int, width: int) -> list[nn.Module]:
    """From a quarter of the resolution to a picture, `(N, C_in, H/4, W/4)` to `(N, 3, H, W)`."""
    return [
        nn.Upsample(scale_factor=2.0),
        GatedConvolution(in_channels, 2 * width),
        GatedConvolution(2 * width, 2 * width),
        nn.Upsample(scale_factor=2.0),
        GatedConvolution(2 * width, width),
        GatedConvolution(width, width // 2),
        nn.Conv2d(width // 2, 3, 3, padding=1),
        nn.Tanh(),
    ]


class _Coarse(nn.Sequential):
    """First stage: picture, ones, hole (and sketch) to a coarse prediction."""

    def __init__(self, in_channels: int, width: int) -> None:
        deep = 4 * width
        super().__init__(
            GatedConvolution(in_channels, width, 5),
            GatedConvolution(width, 2 * width, stride=2),
            GatedConvolution(2 * width, 2 * width),
            GatedConvolution(2 * width, deep, stride=2),
            GatedConvolution(deep, deep),
            GatedConvolution(deep, deep),
            *_dilated(deep),
            GatedConvolution(deep, deep),
            GatedConvolution(deep, deep),
            *_decoder(deep, width),
        )


class _Refinement(nn.Module):
    """Second stage: a convolution branch and an attention branch, fused by a decoder."""

    def __init__(self, width: int, scores_at_once: int, nearest_hole: bool) -> None:
        super().__init__()
        deep = 4 * width
        self.convolution_branch = nn.Sequential(
            GatedConvolution(3, width, 5),
            GatedConvolution(width, width, stride=2),
            GatedConvolution(width, 2 * width),
            GatedConvolution(2 * width, 2 * width, stride=2),
            GatedConvolution(2 * width, deep),
            GatedConvolution(deep, deep),
            *_dilated(deep),
        )
        self.attention_encoder = nn.Sequential(
            GatedConvolution(3, width, 5),
            GatedConvolution(width, width, stride=2),
            GatedConvolution(width, 2 * width),
            GatedConvolution(2 * width, deep, stride=2),
            GatedConvolution(deep, deep),
            GatedConvolution(deep, deep, activation=functional.relu),
        )
        self.attention = ContextualAttention(
            scores_at_once=scores_at_once, nearest_hole=nearest_hole
        )
        self.after_attention = nn.Sequential(
            GatedConvolution(deep, deep), GatedConvolution(deep, deep)
        )
        self.decoder = nn.Sequential(
            GatedConvolution(2 * deep, deep),
            GatedConvolution(deep, deep),
            *_decoder(deep, width),
        )

    def forward(self, picture: Tensor, hole: Tensor) -> Tensor:
        """Refine `(N, 3, H, W)`."""
        small = smaller_hole(hole, 4, nearest=self.attention.nearest_hole)
        attended = self.attention(self.attention_encoder(picture), small)
        both = [self.convolution_branch(picture), self.after_attention(attended)]
        return self.decoder(torch.cat(both, dim=1))


class DeepFillV2CompletionNetwork(CompletionNetwork):
    """Coarse-to-fine gated-convolution network with contextual attention.

    Yu et al. 2019. The first stage sees the picture with zeros in the hole, a map of ones, and the
    hole; the second sees the first one's prediction pasted into the picture. By default 4,052,478
    parameters.

    Deliberate difference from the released code, unless `nearest_hole`: attention treats a position
    as missing if any of its pixels is, so that nothing from a hole's edge is ever pasted.

    Args:
        width: channels at full resolution; twice and four times that at half and a quarter of it.
        sketch: whether the first stage also gets a sketch of the missing part, for guided filling.
        scores_at_once: see `ContextualAttention`; it bounds the memory for large pictures.
        nearest_hole: see `ContextualAttention`; the released weights were trained with it.
    """

    divisor: ClassVar[int] = 8

    def __init__(
        self,
        width: int = 24,
        sketch: bool = False,
        scores_at_once: int = 1 << 24,
        nearest_hole: bool = False,
    ) -> None:
        super().__init__()
        self.guide = "sketch" if sketch else None
        self.coarse = _Coarse(5 + int(sketch), width)
        self.refinement = _Refinement(width, scores_at_once, nearest_hole)

    def paint(
        self, image: Tensor, hole: Tensor, guide: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1], coarse and refined, guided by a sketch if given."""
        seen = [image, torch.ones_like(hole), hole]
        if guide is not None:
            seen.append(guide * hole)
        coarse = self.coarse(torch.cat(seen, dim=1))
        refined = self.refinement(image + coarse * hole, hole)
        return coarse, refined
