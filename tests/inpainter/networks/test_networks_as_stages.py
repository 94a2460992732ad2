"""The literature's networks as stages of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from inpainter import NetworkInpainter
from inpainter.weight_files import save_completion_network
from pipeline import Pipeline
from tests.conformance import InpainterConformance
from tests.inpainter.networks.test_networks import SMALL, small

if TYPE_CHECKING:
    from pathlib import Path

SYSTEMS = ["deepfillv2", "dmfn", "gated-dmfb", "glcic", "ndmha", "pconv", "unet"]


class TestNetworksAsStages(InpainterConformance):
    sides = (1, 17, 40)
    tolerance = 1

    @pytest.fixture(autouse=True, params=SYSTEMS)
    def _network(self, request: pytest.FixtureRequest) -> None:
        self.network = small(request.param).eval()

    def make(self) -> NetworkInpainter:
        return NetworkInpainter(self.network, device="cpu", image_size=32, precision="float32")


@pytest.mark.parametrize("name", SYSTEMS)
def test_weights_of_one_s_own_are_used(name: str, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    hole = np.zeros((48, 48), bool)
    hole[20:40, 10:30] = True
    file = tmp_path / "own.safetensors"
    save_completion_network(small(name), file, name=name, options=SMALL[name], input_size=32)
    pipeline = Pipeline(inpainter={"name": name, "weights": str(file)}, device="cpu")
    result = pipeline(image, mask=hole)
    assert not np.array_equal(result[hole], image[hole])
    assert np.array_equal(result[:8], image[:8])
