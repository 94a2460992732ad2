"""What a sharp photo has at 512 pixels, on top of a completion at 256."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch.nn import functional

from inpainter.freezing import freeze
from inpainter.networks.base import CompletionNetwork
from inpainter.networks.gated import GatedRefinement, halve

if TYPE_CHECKING:
    from torch import Tensor


class GatedDetailNetwork(CompletionNetwork):
    """Completes faces of 512 x 512: another network at half the side, then detail at the full one.

    Skin, lips, stubble, teeth and the jaw's edge are painted over the enlarged guess by a second
    `GatedRefinement`. The network below is fixed and is no part of the weights.

    Args:
        width: of the refinement, see `GatedRefinement`.
        depth: of the refinement.
        noise: whether the refinement is given noise.
        base: weights of the network `gated` below: a name of the catalog or a .safetensors file.

    Raises:
        WeightsError: the weights of the network below are missing or damaged.
    """

    divisor: ClassVar[int] = 64

    def __init__(
        self,
        width: int = 32,
        depth: int = 3,
        noise: bool = True,
        base: str | None = None,
    ) -> None:
        super().__init__()
        # The loader builds networks by name, and so knows this module.
        from inpainter.weight_files import load_completion_network

        self.base: Any = freeze(load_completion_network("gated", base))
        self.detail = GatedRefinement(width, depth, noise)

    def train(self, mode: bool = True) -> GatedDetailNetwork:
        """Set the mode of the detail; the network below stays as it is in use."""
        super().train(mode)
        self.base.eval()
        return self

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Paint `(N, 3, H, W)` in [-1, 1]; the coarse picture is the enlarged guess."""
        with torch.no_grad():
            guess = self.base.paint(*halve(image, hole))[1]
        enlarged = enlarged_guess(guess)
        return enlarged, self.add_detail(image, hole, enlarged)

    def add_detail(self, image: Tensor, hole: Tensor, guess: Tensor) -> Tensor:
        """Paint detail over a guess.

        Args:
            image: `(N, 3, H, W)` in [-1, 1], zero where `hole` is 1; sides are multiples of 4.
            hole: `(N, 1, H, W)`, 1 = missing.
            guess: `(N, 3, H, W)` in [-1, 1], the completion of half the side, enlarged.
        """
        return (guess + self.detail(image, hole, guess)).clamp(-1.0, 1.0)


def enlarged_guess(guess: Tensor) -> Tensor:
    """Enlarge `(N, 3, H, W)` in [-1, 1] twofold, bicubically."""
    enlarged = functional.interpolate(
        guess.float(), scale_factor=2.0, mode="bicubic", align_corners=False
    )
    return enlarged.clamp(-1.0, 1.0).to(guess.dtype)
