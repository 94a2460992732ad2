"""The base class of completion networks: their interface, and padding for any size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.blocks.guide_features import LANDMARK_CHANNELS, REFERENCE_CHANNELS
from inpainter.networks.blocks.reflection import symmetric_pad
from inpainter.outputs import CompletionOutput
from weights.base.errors import InputError

GuideKind = Literal["sketch", "landmarks", "reference"]
"""What a network may be conditioned on in addition to the picture and its hole."""

GUIDE_CHANNELS: Final[dict[GuideKind, int]] = {
    "sketch": 1,
    "landmarks": LANDMARK_CHANNELS,
    "reference": LANDMARK_CHANNELS + REFERENCE_CHANNELS,
}
"""Channels of each kind of guide: lines drawn by a user, see `inpainter.data.sketching`; the face's
jaw, nose and lips, see `inpainter.data.landmark_map`; these and a photo of a face, see
`inpainter.data.reference_map`."""


class CompletionNetwork(nn.Module, ABC):
    """Base of the completion networks.

    A network is called as `network(image, hole)`. It implements `paint`, which only gets sides that
    are multiples of `divisor`; this class pads by reflection before and crops afterwards. If a
    network sets `guide`, it may also be called with one, which its `paint` takes as `guide`.
    """

    guide: GuideKind | None = None
    """The kind of guide that the network takes, if any."""

    divisor: ClassVar[int] = 1
    """Both sides are multiples of it inside `paint`."""

    sees_hole: ClassVar[bool] = False
    """Whether `paint` gets the pixels inside the hole unchanged.

    For most networks the hole is blanked first. Those that map a masked face to one without the
    mask work on the masked picture itself.
    """

    symmetric: ClassVar[bool] = False
    """Whether padding repeats the outermost pixels, like NumPy's mode "symmetric"."""

    onnx_opset: ClassVar[int] = 18
    """The lowest ONNX opset that has every operator the network needs."""

    @abstractmethod
    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict whole pictures.

        Args:
            image: `(N, 3, H, W)` in [-1, 1], zero where `hole` is 1 unless the network `sees_hole`.
            hole: `(N, 1, H, W)`, 1 = missing.

        Returns:
            The coarse picture or None, and the final picture, each `(N, 3, H, W)` in [-1, 1].
        """

    def forward(self, image: Tensor, hole: Tensor, guide: Tensor | None = None) -> CompletionOutput:
        """Complete pictures.

        Args:
            image: `(N, 3, H, W)` in [-1, 1]; the pixels inside the hole are ignored unless the
                network `sees_hole`.
            hole: `(N, 1, H, W)`, 1 = missing, 0 = known.
            guide: `(N, G, H, W)` in [0, 1], for networks that take one; G as in `GUIDE_CHANNELS`.
                None for an unguided fill.

        Raises:
            InputError: the shapes are wrong or do not match, or the network takes no guide and gets
                one.
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
        if self.guide is None and guide is None:
            return self.complete(image, hole, self.paint)
        guide = self._checked_guide(hole, guide)
        guided: Any = self.paint
        return self.complete(image, hole, partial(guided, guide=self.pad(guide)))

    def _checked_guide(self, hole: Tensor, guide: Tensor | None) -> Tensor:
        """The guide, or an empty one if there is none.

        Raises:
            InputError: this network does not take such a guide.
        """
        if self.guide is None:
            raise InputError(
                f"{type(self).__name__} was built without a guide: call it with the image and the "
                "hole only."
            )
        shape = (hole.shape[0], GUIDE_CHANNELS[self.guide], *hole.shape[2:])
        if guide is None:
            return hole.new_zeros(shape)
        if guide.shape != shape:
            raise InputError(
                f"{type(self).__name__} takes {self.guide} {shape} with this image, but got "
                f"{tuple(guide.shape)}."
            )
        return guide

    def complete(
        self,
        image: Tensor,
        hole: Tensor,
        paint: Callable[[Tensor, Tensor], tuple[Tensor | None, Tensor]],
    ) -> CompletionOutput:
        """Pad, predict, crop, restore the known pixels; `paint` is called like `self.paint`."""
        height, width = image.shape[2:]
        seen = image if self.sees_hole else image * (1.0 - hole)
        coarse, prediction = paint(self.pad(seen), self.pad(hole))
        prediction = prediction[:, :, :height, :width]
        coarse = None if coarse is None else coarse[:, :, :height, :width]
        return CompletionOutput(coarse, prediction, torch.where(hole > 0.5, prediction, image))

    def pad(self, maps: Tensor) -> Tensor:
        """Pad `(N, C, H, W)` by reflection, below and on the right, to multiples of `divisor`."""
        height, width = maps.shape[2:]
        below, beside = -height % self.divisor, -width % self.divisor
        if not (below or beside):
            return maps
        if self.symmetric:
            return symmetric_pad(maps, below, beside)
        # Reflection needs a side larger than the padding; tiny pictures replicate their edge.
        mode = "reflect" if below < height and beside < width else "replicate"
        return functional.pad(maps, (0, beside, 0, below), mode=mode)
