"""What all completion networks have in common: how they are called, and any size goes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.outputs import CompletionOutput
from weights.errors import InputError


class CompletionNetwork(nn.Module, ABC):
    """Base of the completion networks.

    A network is called as `network(image, hole)`. It implements `paint`, which sees sides that are
    multiples of `divisor` only; this class pads by reflection before and crops after.
    """

    divisor: ClassVar[int] = 1
    """Both sides must be multiples of it inside `paint`."""

    @abstractmethod
    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Paint whole pictures.

        Args:
            image: `(N, 3, H, W)` in [-1, 1], zero where `hole` is 1.
            hole: `(N, 1, H, W)`, 1 = missing.

        Returns:
            The coarse picture or None, and the final picture, each `(N, 3, H, W)` in [-1, 1].
        """

    def forward(self, image: Tensor, hole: Tensor) -> CompletionOutput:
        """Complete pictures.

        Args:
            image: `(N, 3, H, W)` in [-1, 1]; what its pixels inside the hole are does not matter.
            hole: `(N, 1, H, W)`, 1 = missing, 0 = known.

        Raises:
            InputError: the shapes are others or do not belong together.
        """
        if (
            image.ndim != 4
            or image.shape[1] != 3
            or hole.shape != (image.shape[0], 1, *image.shape[2:])
        ):
            raise InputError(
                "a completion network takes an image (N, 3, H, W) and a hole (N, 1, H, W), "
                f"but got {tuple(image.shape)} and {tuple(hole.shape)}."
            )
        height, width = image.shape[2:]
        known = image * (1.0 - hole)
        below, beside = -height % self.divisor, -width % self.divisor
        if below or beside:
            # Reflection needs a side larger than the padding; tiny pictures repeat their edge.
            mode = "reflect" if below < height and beside < width else "replicate"
            known = functional.pad(known, (0, beside, 0, below), mode=mode)
            padded_hole = functional.pad(hole, (0, beside, 0, below), mode=mode)
        else:
            padded_hole = hole
        coarse, prediction = self.paint(known, padded_hole)
        if below or beside:
            prediction = prediction[:, :, :height, :width]
            coarse = None if coarse is None else coarse[:, :, :height, :width]
        return CompletionOutput(coarse, prediction, torch.where(hole > 0.5, prediction, image))
