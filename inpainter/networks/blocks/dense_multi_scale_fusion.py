"""Dense multi-scale fusion block (Hui et al. 2020, "Image Fine-grained Inpainting")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from inpainter.networks.blocks.convolution_unit import convolution_unit
from inpainter.networks.blocks.gated_convolution import normalized_gated_convolution

Merging = Literal["sum", "concatenation"]


class DenseMultiScaleFusion(nn.Module):
    """A residual block that merges parallel dilated branches, from near to far.

    The reduced features r go through branches of increasing dilation, each merged with the previous
    ones: s_1 = b_1(r), s_i = merge_i(s_(i-1), b_i(r)). The output is x + expand([s_1, ..., s_n]),
    `(N, C, H, W)` to `(N, C, H, W)`. `plain` and `gated` build the two forms in use.

    Args:
        reduce: from C to the branches' channels.
        branches: from and to the branches' channels, near to far.
        expand: from the branches' channels times their number to C.
        merging: whether a scale is concatenated with the previous ones ("concatenation") or added
            to them ("sum").
        merges: applied to each sum or concatenation, one per branch but the first; none if empty.
    """

    def __init__(
        self,
        reduce: nn.Module,
        branches: Sequence[nn.Module],
        expand: nn.Module,
        merging: Merging = "sum",
        merges: Sequence[nn.Module] = (),
    ) -> None:
        super().__init__()
        self.reduce = reduce
        self.branches = nn.ModuleList(branches)
        self.expand = expand
        self.merging = merging
        self.merges = nn.ModuleList(merges or [nn.Identity() for _ in branches[1:]])

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C, H, W)` to `(N, C, H, W)`."""
        reduced = self.reduce(features)
        first, *farther = (branch(reduced) for branch in self.branches)
        merged: list[Tensor] = [first]
        for seen, merge in zip(farther, self.merges, strict=True):
            nearer = merged[-1]
            both = nearer + seen if self.merging == "sum" else torch.cat([nearer, seen], dim=1)
            merged.append(merge(both))
        expanded: Tensor = self.expand(torch.cat(merged, dim=1))
        return features + expanded

    @classmethod
    def plain(
        cls, channels: int = 256, inner: int = 64, dilations: Sequence[int] = (1, 2, 4, 8)
    ) -> DenseMultiScaleFusion:
        """Build DMFN's own form: plain convolutions, running sums, instance normalisation.

        Args:
            channels: C.
            inner: channels of each branch.
            dilations: of the branches, near to far.
        """
        together = inner * len(dilations)
        return cls(
            convolution_unit(channels, inner, normalization=nn.InstanceNorm2d),
            [
                convolution_unit(inner, inner, dilation=one, normalization=None, activation=None)
                for one in dilations
            ],
            nn.Sequential(
                nn.InstanceNorm2d(together),
                nn.ReLU(),
                convolution_unit(
                    together, channels, normalization=nn.InstanceNorm2d, activation=None
                ),
            ),
        )

    @classmethod
    def gated(
        cls,
        channels: int = 256,
        inner: int = 64,
        dilations: Sequence[int] = (1, 2, 4, 8),
        merging: Merging = "sum",
    ) -> DenseMultiScaleFusion:
        """Build the form with gated convolutions, which include activation and normalisation.

        A gated convolution follows each sum or concatenation, and the last convolution is 1x1.

        Args:
            channels: C.
            inner: channels of each branch.
            dilations: of the branches, near to far.
            merging: whether scales are added or concatenated.
        """
        together = inner if merging == "sum" else 2 * inner
        return cls(
            normalized_gated_convolution(channels, inner),
            [normalized_gated_convolution(inner, inner, dilation=one) for one in dilations],
            normalized_gated_convolution(inner * len(dilations), channels, 1),
            merging,
            [normalized_gated_convolution(together, inner) for _ in dilations[1:]],
        )
