"""EfficientNet-Lite0's trunk, without its classifier: features of a picture at five resolutions."""

from __future__ import annotations

from torch import Tensor, nn

from weights.efficientnet_lite import learnt_tensors, read_efficientnet_lite

CHANNELS = (16, 24, 40, 112, 320)
"""Channels of the features at a half, a quarter, an eighth, a 16th and a 32nd of the side."""

DIVISOR = 32
"""Sides of pictures are multiples of this."""

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


class EfficientNetLite0(nn.Module):
    """Inverted residuals (Sandler et al. 2018) scaled by Tan and Le 2019, "EfficientNet".

    The Lite kind has no squeeze-and-excitation, and ReLU6 instead of SiLU. Names apart, tensors lie
    in the order of timm's `tf_efficientnet_lite0`.

    Args:
        stages: how many of the seven stages are built.
    """

    def __init__(self, stages: int = len(_STAGES)) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_convolution(3, _STEM, 3, 2), nn.ReLU6())
        built = []
        channels = _STEM
        for expansion, kernel, stride, outputs, count in _STAGES[:stages]:
            blocks = []
            for index in range(count):
                first_stride = stride if index == 0 else 1
                blocks.append(_InvertedResidual(channels, outputs, expansion, kernel, first_stride))
                channels = outputs
            built.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(built)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Give features from fine to coarse, with `CHANNELS` channels.

        Args:
            pictures: `(N, 3, H, W)` RGB in [-1, 1], sides multiples of `DIVISOR`.
        """
        features = self.stem(pictures)
        levels: list[Tensor] = []
        for stage in self.stages:
            features = stage(features)
            if levels and levels[-1].shape[-1] == features.shape[-1]:
                levels.pop()
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


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution without bias and its normalisation; of odd padding, more lies at the end."""
    padding = kernel - stride
    before, after = padding // 2, padding - padding // 2
    layers: list[nn.Module] = []
    if before != after:
        layers.append(nn.ZeroPad2d((before, after, before, after)))
        before = 0
    layers.append(nn.Conv2d(inputs, outputs, kernel, stride, before, groups=groups, bias=False))
    layers.append(nn.BatchNorm2d(outputs, eps=_NORM_EPSILON))
    return layers


def load_imagenet_weights(trunk: EfficientNetLite0) -> None:
    """Give a trunk the weights that were trained on ImageNet, from an installed package.

    Raises:
        MissingDependencyError: the package is missing.
        WeightsError: its file is not the published one.
    """
    trained = read_efficientnet_lite(0).values()
    # The file goes on with later stages and the classifier, which a trunk need not have.
    for own, other in zip(learnt_tensors(trunk.state_dict()).values(), trained, strict=False):
        own.copy_(other)
