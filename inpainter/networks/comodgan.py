"""CoModGAN: co-modulated generative adversarial network (Zhao et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.base import CompletionNetwork
from inpainter.networks.blocks.blur import PicturePyramid, WideningBlur
from inpainter.networks.blocks.equalized import EqualizedConvolution, EqualizedLinear
from inpainter.networks.blocks.modulated_convolution import ModulatedConvolution
from inpainter.networks.blocks.noise_injection import NoiseInjection
from inpainter.networks.blocks.resolutions import check_resolution, sides
from inpainter.networks.blocks.saturation import saturate
from inpainter.networks.blocks.scaled_leaky_relu import scaled_leaky_relu


class MappingNetwork(nn.Module):
    """Fully connected layers from a latent `(N, Z)` to a style of the same size.

    Args:
        size: Z.
        layers: number of layers.
    """

    def __init__(self, size: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EqualizedLinear(size, size, rate=0.01) for _ in range(layers))

    def forward(self, latent: Tensor) -> Tensor:
        """Map latents `(N, Z)` to styles `(N, Z)`."""
        style = latent * torch.rsqrt(latent.square().mean(dim=1, keepdim=True) + 1e-8)
        for layer in self.layers:
            style = scaled_leaky_relu(layer(style))
        return style


class SynthesisLayer(nn.Module):
    """Modulated convolution, noise, bias and activation; can double the side.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        style_size: size of the style vector.
        side: side of the output, for its noise.
        double: whether to double the side.
    """

    def __init__(
        self, in_channels: int, out_channels: int, style_size: int, side: int, *, double: bool
    ) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(
            in_channels, out_channels, style_size, double=double
        )
        self.noise = NoiseInjection(side)

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` and styles `(N, S)` to `(N, C_out, H', W')`."""
        features = self.noise(self.convolution(features, styles))
        return scaled_leaky_relu(self.convolution.add_bias(features))


class CoModulatedNetwork(CompletionNetwork):
    """StyleGAN2 with styles from a random latent and from the known part of the picture.

    Zhao et al. 2021, "Large Scale Image Completion via Co-Modulated Generative Adversarial
    Networks". A hole has many plausible fills, one per latent. In training, latents are drawn for
    each picture, and the upper layers of some batches take their styles from a second latent (style
    mixing, Karras et al. 2019); otherwise all pictures use the one latent determined by `seed`, so
    results are deterministic. Set the attribute `seed` for another fill, or call `fills` for
    several.

    79,177,378 parameters at 256 (mapping 2,101,248, encoder 31,841,536, synthesis 45,234,594),
    79,792,231 at 512. The network sees `[known - 0.5, picture]`, where known is 1 outside the hole.
    It is built for one side; with other sizes the bottom map is resized to 4x4 and back. Deliberate
    difference from the authors' code: no mean style is tracked, so there is no truncation.
    `resolution=64, channel_base=512, channel_limit=32, style_size=32` trains on a CPU.

    Args:
        resolution: side that the network is built for, a power of two from 8.
        channel_base: a map of side r has `channel_base / r` channels.
        channel_limit: maximum channels of a map.
        style_size: size of the latent and of its style, and half the size of the picture's own
            style.
        mapping_layers: layers between the latent and its style.
        dropout: fraction of the picture's style dropped in training, so that the latent matters.
        style_mixing: probability that a training batch takes the styles of its upper layers from
            second latents.
        seed: which latent is used outside training.
    """

    latent: Tensor

    def __init__(
        self,
        resolution: int = 256,
        channel_base: int = 32768,
        channel_limit: int = 512,
        style_size: int = 512,
        mapping_layers: int = 8,
        dropout: float = 0.5,
        style_mixing: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_resolution(resolution)
        # The number of halvings depends on the resolution.
        self.divisor = resolution // 4  # type: ignore[misc]

        def width(side: int) -> int:
            return min(channel_base // side, channel_limit)

        self.register_buffer("latent", torch.zeros(1, style_size), persistent=False)
        self.seed, self.style_mixing = seed, style_mixing
        self.mapping = MappingNetwork(style_size, mapping_layers)
        down = [side for side in sides(resolution) if side > 4]
        bottom = width(4)

        self.stem = EqualizedConvolution(4, width(resolution), 1)
        self.encoder = nn.ModuleList(EqualizedConvolution(width(one), width(one)) for one in down)
        self.down = nn.ModuleList(
            nn.Sequential(
                WideningBlur(width(one)),
                EqualizedConvolution(width(one), width(one // 2), stride=2, padding=0),
            )
            for one in down
        )
        self.bottom = EqualizedConvolution(bottom, bottom)
        self.to_style = EqualizedLinear(16 * bottom, 2 * style_size)
        self.dropout = nn.Dropout(dropout)

        styles = 3 * style_size
        self.start = EqualizedLinear(2 * style_size, 16 * bottom)
        self.first = SynthesisLayer(bottom, bottom, styles, 4, double=False)
        up = down[::-1]
        self.up = nn.ModuleList(
            SynthesisLayer(width(one // 2), width(one), styles, one, double=True) for one in up
        )
        self.decoder = nn.ModuleList(
            SynthesisLayer(width(one), width(one), styles, one, double=False) for one in up
        )
        self.to_picture = nn.ModuleList(
            ModulatedConvolution(width(one), 3, styles, 1, demodulate=False) for one in [4, *up]
        )
        self.assemble = PicturePyramid(len(up))

    @property
    def seed(self) -> int:
        """Which latent is used outside training."""
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = int(seed)
        self.latent.copy_(self._latent_of(self._seed))

    def _latent_of(self, seed: int) -> Tensor:
        generator = torch.Generator("cpu").manual_seed(seed)
        return torch.randn(self.latent.shape, generator=generator, device="cpu")

    def fills(self, image: Tensor, hole: Tensor, seeds: Sequence[int]) -> list[Tensor]:
        """Complete the same pictures once per seed.

        Args:
            image: `(N, 3, H, W)` in [-1, 1].
            hole: `(N, 1, H, W)`, 1 = missing.
            seeds: one per fill.

        Returns:
            Completed pictures `(N, 3, H, W)`, one batch per seed.
        """

        def paint(seed: int, image: Tensor, hole: Tensor) -> tuple[None, Tensor]:
            latent = self._latent_of(seed).to(image)
            return None, saturate(self.assemble(self.pyramid(image, hole, latent)))

        return [self.complete(image, hole, partial(paint, seed)).completed for seed in seeds]

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        """Predict `(N, 3, H, W)` in [-1, 1]; there is no coarse stage."""
        if not self.training:
            return None, saturate(self.assemble(self.pyramid(image, hole, self.latent)))
        styles = self.mapping(torch.randn_like(self.latent.expand(len(image), -1))).unsqueeze(1)
        if float(torch.rand(())) < self.style_mixing:
            second = self.mapping(torch.randn_like(self.latent.expand(len(image), -1)))
            layers = torch.arange(self.style_count, device=image.device)[None, :, None]
            first_above = int(torch.randint(1, self.style_count, ()))
            styles = torch.where(layers < first_above, styles, second.unsqueeze(1))
        return None, saturate(self.assemble(self._sides(image, hole, styles)))

    def pyramid(self, image: Tensor, hole: Tensor, latent: Tensor) -> list[Tensor]:
        """Predict a layer at every side from 4 up, the targets of MI-GAN's distillation.

        Args:
            image: `(N, 3, H, W)` in [-1, 1], zero where `hole` is 1.
            hole: `(N, 1, H, W)`, 1 = missing.
            latent: `(N, Z)`, or `(1, Z)` to share one.

        Returns:
            Layers `(N, 3, h, w)`, each twice as large as the previous one, for `assemble` to sum;
            not clamped.
        """
        return self._sides(image, hole, self.mapping(latent).unsqueeze(1))

    @property
    def style_count(self) -> int:
        """Number of layers with their own style: two per side."""
        return 2 * len(self.to_picture)

    def _sides(self, image: Tensor, hole: Tensor, styles: Tensor) -> list[Tensor]:
        """Predict at every side; styles `(N, style_count, Z)`, with N or the count possibly 1."""
        features, own_style, skips = self._encode(image, hole)
        given = styles.expand(len(image), self.style_count, -1)
        own = own_style[:, None].expand(-1, self.style_count, -1)
        # A side's picture layer and the next side's first convolution share a style.
        style = torch.cat([given, own], dim=2).unbind(dim=1)
        start = scaled_leaky_relu(self.start(own_style)).reshape(len(image), -1, 4, 4)
        if start.shape != features.shape:
            start = functional.interpolate(start, features.shape[2:], mode="bilinear")
        features = self.first(start + features, style[0])
        layers = [self._layer(0, features, style[1])]
        for number, (up, level) in enumerate(zip(self.up, self.decoder, strict=True), start=1):
            features = up(features, style[2 * number - 1]) + skips.pop()
            features = level(features, style[2 * number])
            layers.append(self._layer(number, features, style[2 * number + 1]))
        return layers

    def _encode(self, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the bottom map, the picture's style and the skips from large to small."""
        known = 1.0 - hole
        features = scaled_leaky_relu(self.stem(torch.cat([known - 0.5, image], dim=1)))
        skips = []
        for level, down in zip(self.encoder, self.down, strict=True):
            features = scaled_leaky_relu(level(features))
            skips.append(features)
            features = scaled_leaky_relu(down(features))
        features = scaled_leaky_relu(self.bottom(features))
        square = features
        if square.shape[2:] != (4, 4):
            square = functional.interpolate(square, (4, 4), mode="bilinear")
        style = self.dropout(scaled_leaky_relu(self.to_style(square.flatten(1))))
        return features, style, skips

    def _layer(self, number: int, features: Tensor, styles: Tensor) -> Tensor:
        convolution: Any = self.to_picture[number]
        return convolution.add_bias(convolution(features, styles))
