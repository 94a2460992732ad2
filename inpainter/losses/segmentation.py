"""LaMa's perceptual loss, on the features of a scene segmentation network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.losses.feature_matching import feature_matching_loss
from inpainter.losses.perceptual import FeatureLoss, FixedFeatures, read_tensors
from weights.base.errors import WeightsError

_FILE = "ade20k/ade20k-resnet50dilated-ppm_deepsup/encoder_epoch_20.pth"
_SOURCE = "http://sceneparsing.csail.mit.edu/model/pytorch"


def _dilated_resnet() -> nn.Module:
    """ResNet50 with a stem of three convolutions, and dilation instead of the last two strides."""
    from torchvision.models.resnet import Bottleneck, ResNet

    network = ResNet(Bottleneck, [3, 4, 6, 3], replace_stride_with_dilation=[False, True, True])
    network.inplanes, network.dilation = 128, 1
    network.layer1 = network._make_layer(Bottleneck, 64, 3)
    for number, (inner, outer) in enumerate(((3, 64), (64, 64), (64, 128)), start=1):
        stride = 2 if number == 1 else 1
        convolution = nn.Conv2d(inner, outer, 3, stride, padding=1, bias=False)
        setattr(network, f"conv{number}", convolution)
        setattr(network, f"bn{number}", nn.BatchNorm2d(outer))
    del network.fc
    return network


class SegmentationFeatures(FixedFeatures):
    """The four stages of a dilated ResNet50 for scene segmentation; frozen.

    Three of the four stages work at an eighth of the resolution, the last ones with dilated
    kernels, so each feature sees most of the picture.

    Args:
        weights: the encoder's .pth or .safetensors file, in the layout of Zhou et al.'s public
            code; None uses the location of LaMa's code, below TORCH_HOME.

    Raises:
        WeightsError: the file is missing or holds another network. Nothing is downloaded.

    Source: Zhou et al. 2017, "Scene Parsing through ADE20K Dataset".
    """

    def __init__(self, weights: str | os.PathLike[str] | None = None) -> None:
        super().__init__()
        cached = Path(torch.hub.get_dir()).parent / _FILE
        advice = (
            "The segmentation's perceptual loss needs the ADE20K weights of a dilated ResNet50, "
            f"which unmask never downloads: fetch {_SOURCE}/{_FILE.removeprefix('ade20k/')} and "
            f"put it at {cached}, or name its path as 'weights'."
        )
        state = read_tensors(weights, "the segmentation", cached, advice)
        with torch.device("meta"):
            self.network = _dilated_resnet()
        # Older files lack these counters.
        counters = {
            name: torch.zeros((), dtype=torch.long)
            for name in self.network.state_dict()
            if name.endswith("num_batches_tracked")
        }
        try:
            self.network.load_state_dict({**counters, **state}, assign=True)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(
                f"{weights or cached} does not hold the encoder of a dilated ResNet50: {reason}"
            ) from error
        self.fix()

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Map pictures `(N, 3, H, W)` in [-1, 1] to four maps, one at 1/4 and three at 1/8."""
        network: Any = self.network
        features = self.normalised(picture)
        for number in (1, 2, 3):
            convolution, norm = (getattr(network, f"{part}{number}") for part in ("conv", "bn"))
            features = functional.relu(norm(convolution(features)))
        features = network.maxpool(features)
        maps = []
        for number in (1, 2, 3, 4):
            features = getattr(network, f"layer{number}")(features)
            maps.append(features)
        return maps


class SegmentationPerceptualLoss(FeatureLoss):
    """Mean squared difference of `SegmentationFeatures`, averaged over the four stages.

    LaMa sums over the stages, which is four times as much.

    Args:
        weights: see `SegmentationFeatures`.

    Source: Suvorov et al. 2022, "Resolution-robust Large Mask Inpainting with Fourier
    Convolutions", section 2.2, the high receptive field perceptual loss.
    """

    def __init__(self, weights: str | os.PathLike[str] | None = None) -> None:
        super().__init__(SegmentationFeatures(weights))

    def compare(self, fake: list[Tensor], real: list[Tensor]) -> Tensor:
        """Return the mean over stages of the mean squared difference."""
        return feature_matching_loss(fake, real, distance="squared")
