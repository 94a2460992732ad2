"""The default network: a gated U-Net at half resolution and a refinement at full resolution."""

from __future__ import annotations

from typing import ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.gated_convolution import GatedConvolution
from inpainter.networks.blocks.guide_features import FaceGuideFeatures
from inpainter.networks.blocks.noise_injection import NoiseInjection
from inpainter.networks.blocks.sharpening import sharpen
from inpainter.networks.gated_unet import ACTIVATION, GatedResidualBlock, GatedUNet

_NOISE_SIDE: Final = 256
"""Side of the stored noise in pixels; it is tiled over larger pictures."""


class GatedRefinement(nn.Module):
    """Corrects and sharpens an enlarged coarse prediction at full resolution.

    Args:
        width: channels at half resolution; twice as many at a quarter.
        depth: residual blocks of increasing dilation at a quarter of the resolution.
        noise: whether to add noise before the last convolution, which turns it into grain and
            stubble; without a source of randomness, skin comes out waxy.
    """

    def __init__(self, width: int = 32, depth: int = 3, noise: bool = False) -> None:
        super().__init__()
        self.stem = GatedConvolution(4 * 7, width, activation=ACTIVATION)
        self.down = GatedConvolution(width, 2 * width, stride=2, activation=ACTIVATION)
        self.middle = nn.Sequential(
            *(GatedResidualBlock(2 * width, dilation=2**index) for index in range(depth))
        )
        self.up = GatedConvolution(3 * width, width, activation=ACTIVATION)
        self.enlarge = nn.Conv2d(width, 4 * (width // 2), 3, padding=1)
        self.noise = NoiseInjection(_NOISE_SIDE) if noise else nn.Identity()
        self.output = nn.Conv2d(width // 2, 3, 3, padding=1)
        # The refinement starts out close to the identity.
        nn.init.normal_(self.output.weight, std=1e-3)
        nn.init.zeros_(self.output.bias)  # type: ignore[arg-type]

    def forward(
        self, image: Tensor, hole: Tensor, coarse: Tensor, guidance: Tensor | None = None
    ) -> Tensor:
        """Return the correction to add to `coarse`.

        Args:
            image: `(N, 3, H, W)` in [-1, 1], zero where `hole` is 1; H and W multiples of 4.
            hole: `(N, 1, H, W)`, 1 = missing.
            coarse: `(N, 3, H, W)` in [-1, 1].
            guidance: features of the guide to add, `(N, width, H / 2, W / 2)`.
        """
        guess = torch.where(hole > 0.5, coarse, image)
        features = functional.pixel_unshuffle(torch.cat([image, hole, guess], dim=1), 2)
        shallow = self.stem(features)
        if guidance is not None:
            shallow = shallow + guidance
        features = self.middle(self.down(shallow))
        features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
        features = self.up(torch.cat([features, shallow], dim=1))
        features = functional.pixel_shuffle(self.enlarge(features), 2)
        return self.output(ACTIVATION(self.noise(features)))


class GatedCompletionNetwork(CompletionNetwork):
    """Coarse-to-fine gated network, for faces at 256 x 256.

    After Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution", with a different
    division of labour: a deep U-Net at half resolution, at a quarter of the cost, places nose,
    mouth and chin, and a shallow network adds skin, lips and teeth at full resolution.

    Args:
        width: width of the coarse U-Net.
        depth: depth of the coarse U-Net.
        refine_width: width of the refinement.
        refine_depth: depth of the refinement.
        noise: whether the refinement gets noise, see `GatedRefinement`.
        sharpening: how much the output is sharpened, see `sharpen`; not in training.
        landmarks: whether both halves can be conditioned on landmarks of jaw, nose and lips, as in
            Yang et al. 2020, "LaFIn: Generative Landmark Guided Face Inpainting".
        reference: whether they can be conditioned on these and on a photo of a face.
    """

    divisor: ClassVar[int] = 32

    def __init__(
        self,
        width: int = 32,
        depth: int = 2,
        refine_width: int = 32,
        refine_depth: int = 3,
        noise: bool = False,
        sharpening: float = 0.0,
        landmarks: bool = False,
        reference: bool = False,
    ) -> None:
        super().__init__()
        self.sharpening = sharpening
        self.coarse = GatedUNet(width, depth, landmarks, reference)
        self.refine = GatedRefinement(refine_width, refine_depth, noise)
        self.guide = self.coarse.guide
        if self.guide:
            self.told = FaceGuideFeatures(refine_width, ratio=2, reference=reference)

    def paint(
        self, image: Tensor, hole: Tensor, guide: Tensor | None = None
    ) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; the coarse picture is the U-Net's, enlarged."""
        small = guidance = None
        if guide is not None:
            small, guidance = functional.avg_pool2d(guide, 2), self.told(guide)
        guess = self.coarse.paint(*halve(image, hole), small)[1]
        coarse = functional.interpolate(
            guess, scale_factor=2.0, mode="bilinear", align_corners=False
        )
        painted = (coarse + self.refine(image, hole, coarse, guidance)).clamp(-1.0, 1.0)
        if self.sharpening and not self.training:
            painted = sharpen(painted, self.sharpening)
        return coarse, painted


def halve(image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """Halve pictures with holes so that nothing missing bleeds into what is known.

    Each new pixel is the mean of the known ones among its four; it is missing if none is known.

    Args:
        image: `(N, 3, H, W)`, zero where `hole` is 1; even sides.
        hole: `(N, 1, H, W)`, 1 = missing.

    Returns:
        `(N, 3, H / 2, W / 2)`, zero where missing, and `(N, 1, H / 2, W / 2)`.
    """
    known = functional.avg_pool2d(1.0 - hole, 2)
    pooled = functional.avg_pool2d(image, 2)
    return pooled / known.clamp_min(0.25), (known == 0).to(hole.dtype)
