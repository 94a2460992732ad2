"""Detail at 512 pixels on top of a completion at 256."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from inpainter.networks.base import CompletionNetwork, GuideKind
from inpainter.networks.blocks.antialiasing import antialias
from inpainter.networks.gated import GatedRefinement, halve


class GatedDetailNetwork(CompletionNetwork):
    """Completes 512 x 512 faces: another network at half resolution, then detail at full.

    A second `GatedRefinement` adds detail of skin, lips, stubble, teeth and the jaw's edge to the
    enlarged prediction. The base network is frozen, not part of the weights, and loaded on first
    use.

    Args:
        width: width of the refinement, see `GatedRefinement`.
        depth: depth of the refinement.
        noise: whether the refinement gets noise.
        base: weights of the base network `gated`: a name of the catalog or a .safetensors file;
            None for the catalog's default.
        antialiased: whether the output is filtered by `antialias`.
    """

    divisor: ClassVar[int] = 64

    guide: GuideKind | None = "landmarks"
    """Passed on to the base network if it takes one."""

    def __init__(
        self,
        width: int = 32,
        depth: int = 3,
        noise: bool = True,
        base: str | None = None,
        antialiased: bool = False,
    ) -> None:
        super().__init__()
        self.antialiased = antialiased
        self.base = base
        self.detail = GatedRefinement(width, depth, noise)
        # In a list, so that it is not registered as a submodule: neither trained nor saved.
        self._below: list[Any] = []

    def _network_below(self, image: Tensor) -> Any:
        if not self._below:
            # The loader builds networks by name, and so knows this module.
            from inpainter.weight_files import load_completion_network

            self._below.append(load_completion_network("gated", self.base).requires_grad_(False))
        return self._below[0].to(image.device, image.dtype)

    def paint(
        self, image: Tensor, hole: Tensor, guide: Tensor | None = None
    ) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; the coarse picture is the base network's, enlarged.

        Raises:
            WeightsError: the weights of the base network are missing or damaged.
        """
        below = self._network_below(image)
        inputs: tuple[Tensor, ...] = halve(image, hole)
        if guide is not None and below.guide is not None:
            inputs = (*inputs, functional.avg_pool2d(guide, 2))
        with torch.no_grad():
            guess = below(*inputs).prediction
        enlarged = enlarged_guess(guess)
        return enlarged, self.add_detail(image, hole, enlarged)

    def add_detail(self, image: Tensor, hole: Tensor, guess: Tensor) -> Tensor:
        """Add detail to a prediction.

        Args:
            image: `(N, 3, H, W)` in [-1, 1], zero where `hole` is 1; sides are multiples of 4.
            hole: `(N, 1, H, W)`, 1 = missing.
            guess: `(N, 3, H, W)` in [-1, 1], the completion at half resolution, enlarged; best in
                float32, as detail is added to it.
        """
        painted = guess.float() + self.detail(image, hole, guess.to(image.dtype))
        if self.antialiased:
            painted = antialias(painted)
        return painted.clamp(-1.0, 1.0)


def enlarged_guess(guess: Tensor) -> Tensor:
    """Upscale `(N, 3, H, W)` in [-1, 1] twofold, bicubically."""
    enlarged = functional.interpolate(
        guess.float(), scale_factor=2.0, mode="bicubic", align_corners=False
    )
    return enlarged.clamp(-1.0, 1.0).to(guess.dtype)
