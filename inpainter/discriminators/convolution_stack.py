"""Discriminators that are plain stacks of convolutions.

Each returns the features of every layer, for feature matching, followed by its scores.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from inpainter.networks.blocks.convolution_unit import convolution_unit

_SLOPE = 0.2
_leaky = partial(nn.LeakyReLU, _SLOPE)


class ConvolutionStack(nn.Module):
    """Scores pictures with a sequence of layers.

    Args:
        layers: the layers, in order.
        score: turns the last layer's features into scores; None if they are the scores already.
        sees_hole: whether the hole is fed in as a fourth channel; otherwise it is ignored.
        unit_range: whether the layers expect pictures in [0, 1].
    """

    def __init__(
        self,
        layers: Iterable[nn.Module],
        score: nn.Module | None = None,
        *,
        sees_hole: bool = False,
        unit_range: bool = False,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.score = score
        self.sees_hole, self.unit_range = sees_hole, unit_range

    def forward(self, picture: Tensor, hole: Tensor | None = None) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1] with holes `(N, 1, H, W)`, 1 = missing.

        Returns:
            The features of each layer; the last map holds the scores.
        """
        features = 0.5 * (picture + 1.0) if self.unit_range else picture
        if self.sees_hole:
            assert hole is not None
            features = torch.cat([features, hole], dim=1)
        maps = []
        for layer in self.layers:
            features = layer(features)
            maps.append(features)
        return maps if self.score is None else [*maps, self.score(features)]


class _Convolution(nn.Conv2d):
    """A padded convolution with an optional leaky ReLU that adds nothing to the parameter names."""

    def __init__(self, inner: int, outer: int, kernel: int, stride: int, *, leaky: bool) -> None:
        super().__init__(inner, outer, kernel, stride, (kernel - 1) // 2)
        self.leaky = leaky
        # An even kernel keeps the map's size with one more row and column of zeros at the end.
        self.more = int(stride == 1 and kernel % 2 == 0)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name
        features = functional.pad(input, (0, self.more, 0, self.more)) if self.more else input
        features = super().forward(features)
        return functional.leaky_relu(features, _SLOPE) if self.leaky else features


def dcgan(channels: Sequence[int] = (16, 32, 64, 128), hidden: int = 64) -> ConvolutionStack:
    """Build the discriminator of the random face generator, for faces of 64x64 pixels.

    Strided 5x5 convolutions and two fully connected layers, whose scores `(N, 1)` are logits: the
    paper's sigmoid is in the loss.

    Args:
        channels: output channels of the convolutions; each halves the side.
        hidden: outputs of the first fully connected layer.

    Source: Radford et al. 2016, "Unsupervised Representation Learning with Deep Convolutional
    Generative Adversarial Networks".
    """
    layers = [
        convolution_unit(inner, outer, 5, stride=2, activation=_leaky)
        for inner, outer in itertools.pairwise([3, *channels])
    ]
    inputs = channels[-1] * (64 >> len(channels)) ** 2
    score = nn.Sequential(nn.Flatten(), nn.Linear(inputs, hidden), _leaky(), nn.Linear(hidden, 1))
    return ConvolutionStack(layers, score)


def paired(channels: Sequence[int] = (64, 128, 64, 32, 16, 8, 4, 2, 1)) -> ConvolutionStack:
    """Build the discriminator of the paired image-to-image network.

    Nine blocks of convolution, BatchNorm, LeakyReLU and max pooling, down to one score, a logit.
    Designed for 512x512 pictures, where the last map is a single pixel; larger ones give several
    scores, and for smaller ones the last poolings have no effect. 174,711 parameters.

    Args:
        channels: output channels of the blocks; each halves the side.
    """
    return ConvolutionStack(
        nn.Sequential(
            convolution_unit(inner, outer, activation=_leaky), nn.MaxPool2d(2, ceil_mode=True)
        )
        for inner, outer in itertools.pairwise([3, *channels])
    )


def pix2pixhd(width: int = 64, layers: int = 4) -> ConvolutionStack:
    """Build pix2pixHD's patch discriminator, which LaMa is trained against.

    4x4 convolutions whose last map `(N, 1, h, w)` scores overlapping patches, in logits.
    Internally, pictures are in [0, 1], the range LaMa's weights for feature matching and the R1
    penalty assume. 6,962,369 parameters.

    Args:
        width: channels of the first layer; they double up to 512.
        layers: strided layers; two layers of stride 1 follow.

    Source: Wang et al. 2018, "High-Resolution Image Synthesis and Semantic Manipulation with
    Conditional GANs".
    """
    widths = [min(width << index, 8 * width) for index in range(layers + 1)]
    first = nn.Sequential(nn.Conv2d(3, width, 4, stride=2, padding=2), _leaky())
    inner_layers = [
        nn.Sequential(
            nn.Conv2d(inner, outer, 4, stride=2 if index < layers else 1, padding=2),
            nn.BatchNorm2d(outer),
            _leaky(),
        )
        for index, (inner, outer) in enumerate(itertools.pairwise(widths), start=1)
    ]
    last = nn.Conv2d(widths[-1], 1, 4, padding=2)
    return ConvolutionStack([first, *inner_layers, last], unit_range=True)


def sn_patchgan(
    channels: Sequence[int] = (64, 128, 256, 256, 256, 256),
    in_channels: int = 4,
    kernel_size: int = 5,
    last_stride: int = 2,
    last_activation: bool = False,
) -> ConvolutionStack:
    """Build SN-PatchGAN: strided convolutions with spectral normalisation; it sees the hole.

    Each element of the last map `(N, C, H / 2^L, W / 2^L)` is a score. The defaults give 5,946,816
    parameters. `channels=(64, 128, 256, 256, 256), kernel_size=4, last_stride=1` gives the
    discriminator of `gated-dmfb`, whose sigmoid is part of the loss.

    Args:
        channels: output channels of each layer; each halves the side.
        in_channels: picture and hole together.
        kernel_size: side of the kernels.
        last_stride: step of the last layer's kernel; 1 keeps the side instead of halving it.
        last_activation: whether the scores also pass through the leaky ReLU, as in the released
            code.

    Source: Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution".
    """
    *pairs, last = itertools.pairwise([in_channels, *channels])
    layers = [spectral_norm(_Convolution(*pair, kernel_size, 2, leaky=True)) for pair in pairs]
    end = _Convolution(*last, kernel_size, last_stride, leaky=last_activation)
    return ConvolutionStack([*layers, spectral_norm(end)], sees_hole=True)


def soft_mask(channels: Sequence[int] = (64, 128, 256, 512)) -> ConvolutionStack:
    """Build SM-PatchGAN, AOT-GAN's patch discriminator, which has to find the hole itself.

    It learns to predict the blurred hole of a completed picture; given the hole, it could simply
    copy it. 4x4 convolutions whose last map `(N, 1, h, w)` scores overlapping patches, 1 for real
    and 0 for generated; all but the last have spectral normalisation. 2,763,777 parameters.

    Args:
        channels: output channels of the normalised layers; all but the last halve the side.

    Source: Zeng et al. 2022, "Aggregated Contextual Transformations for High-Resolution Image
    Inpainting".
    """
    strides = [2] * (len(channels) - 1) + [1]
    layers = [
        nn.Sequential(spectral_norm(nn.Conv2d(*pair, 4, stride, padding=1, bias=False)), _leaky())
        for pair, stride in zip(itertools.pairwise([3, *channels]), strides, strict=True)
    ]
    return ConvolutionStack([*layers, nn.Conv2d(channels[-1], 1, 4, padding=1)])
