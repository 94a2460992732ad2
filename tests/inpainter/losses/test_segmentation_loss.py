"""LaMa's perceptual loss: the segmentation's layers, and what it says without their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from inpainter.losses import create_loss
from inpainter.losses.segmentation import SegmentationPerceptualLoss, _dilated_resnet
from weights.base.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    state = _dilated_resnet().state_dict()
    path = tmp_path_factory.mktemp("ade20k") / "encoder_epoch_20.pth"
    # As old as the public file: without the counters of batch normalisation.
    torch.save({name: one for name, one in state.items() if "tracked" not in name}, path)
    return path


def test_the_layers_are_those_of_the_segmentation() -> None:
    with torch.device("meta"):
        network = _dilated_resnet()
    assert sum(one.numel() for one in network.parameters()) == 23_631_808
    for stage, dilations in (("layer3", [1, *[2] * 5]), ("layer4", [2, 4, 4])):
        blocks = getattr(network, stage)
        assert [block.conv2.dilation[0] for block in blocks] == dilations
        assert {block.conv2.stride for block in blocks} == {(1, 1)}
    with torch.device("meta"):
        assert network.layer4(
            network.layer3(network.layer2(network.layer1(torch.empty(1, 128, 64, 64))))
        ).shape == (1, 2048, 32, 32)


def test_it_is_the_mean_squared_difference_of_four_fixed_stages(encoder: Path) -> None:
    loss = SegmentationPerceptualLoss(encoder).train()
    assert list(loss.parameters()) == [] and loss.state_dict() == {}
    norms = [one for one in loss.modules() if isinstance(one, nn.BatchNorm2d)]
    assert norms and not any(one.training for one in norms)
    torch.manual_seed(1)
    target = torch.rand(1, 3, 32, 32) * 2 - 1
    result = (0.9 * target).requires_grad_()
    maps = zip(loss.features(result), loss.features(target), strict=True)
    expected = sum((one - other).square().mean() for one, other in maps) / 4
    value = loss(result, target)
    torch.testing.assert_close(value, expected)
    value.backward()
    assert result.grad.abs().sum() > 0


def test_missing_and_wrong_weights_say_what_to_do(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"never downloads.*encoder_epoch_20\.pth"):
        create_loss("segmentation-perceptual")
    with pytest.raises(WeightsError, match="no file"):
        SegmentationPerceptualLoss(tmp_path / "none.pth")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="does not hold the encoder"):
        SegmentationPerceptualLoss(tmp_path / "other.pth")
