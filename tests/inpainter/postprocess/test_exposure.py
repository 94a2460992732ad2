"""Dark photos are shown brightened to a network."""

import numpy as np
import pytest
import torch

from inpainter.completion import NetworkInpainter
from inpainter.outputs import CompletionOutput
from inpainter.postprocess.exposure import brightened, exposure_gain

HOLE = np.zeros((40, 40), bool)
HOLE[10:30, 10:30] = True


def grey(value):
    return np.full((40, 40, 3), value, np.uint8)


@pytest.mark.parametrize(
    ("value", "gain"), [(200, 1.0), (150, 1.0), (75, 2.0), (50, 3.0), (3, 5.0)]
)
def test_the_gain_brings_the_light_parts_to_what_networks_know(value, gain):
    assert exposure_gain(grey(value), HOLE) == pytest.approx(gain)


def test_what_is_missing_counts_for_nothing():
    dark = grey(60)
    dark[HOLE] = 255
    assert exposure_gain(dark, HOLE) == pytest.approx(2.5)
    assert exposure_gain(dark, np.ones_like(HOLE)) == 1.0


def test_brightening_and_back_keeps_every_grey_level():
    levels = np.arange(50, dtype=np.uint8).repeat(3).reshape(1, -1, 3)
    assert brightened(levels, 1.0) is levels
    assert np.array_equal(brightened(brightened(levels, 3.0), 1.0 / 3.0), levels)
    assert brightened(levels, 10.0).max() == 255


class PaintsGrey(torch.nn.Module):
    """Paints a grey of 153 and keeps what it sees."""

    def forward(self, image, hole):
        self.seen = image
        painted = torch.full_like(image, 0.2)
        return CompletionOutput(None, painted, torch.where(hole > 0, painted, image))


def test_a_network_sees_a_dark_photo_bright_and_its_fill_comes_back_dark():
    network = PaintsGrey()
    inpainter = NetworkInpainter(network, device="cpu", image_size=64, precision="float32")
    (fill,) = inpainter.complete([grey(50)], [HOLE])
    assert float(network.seen[0, :, 0, 0].mean()) == pytest.approx(150 / 127.5 - 1.0, abs=0.01)
    # What was painted is divided by the gain of 3.
    assert np.abs(fill[HOLE].astype(int) - 51).max() <= 1
    assert np.array_equal(fill[~HOLE], grey(50)[~HOLE])
