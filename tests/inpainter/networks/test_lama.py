"""LaMa's Fourier convolutions see the whole map, in float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inpainter import create_discriminator, create_model
from inpainter.networks.blocks.fourier_convolution import FourierConvolution, FourierUnit
from inpainter.networks.lama import FourierResidualBlock


def count(module):
    return sum(one.numel() for one in module.parameters())


@pytest.mark.parametrize(("blocks", "expected"), [(9, 27_048_835), (18, 50_975_875)])
def test_parameter_counts(blocks, expected):
    with torch.device("meta"):
        assert count(create_model("lama", blocks=blocks)) == expected


def test_the_counts_of_one_layer_and_one_block():
    with torch.device("meta"):
        layer = FourierConvolution(512, 512)
        assert count(layer.local_to_local) == 147_456
        assert count(layer.local_to_global) == count(layer.global_to_local) == 442_368
        assert count(layer.global_to_global) == 296_064
        assert count(FourierResidualBlock(512, 0.75)) == 2_658_560


def test_the_discriminator_s_count_and_scores():
    with torch.device("meta"):
        assert count(create_discriminator("pix2pixhd")) == 6_962_369
    maps = create_discriminator("pix2pixhd", width=4)(torch.rand(1, 3, 64, 64), None)
    assert len(maps) == 6
    assert maps[-1].shape[:2] == (1, 1)


def test_the_discriminator_works_in_lamas_range():
    discriminator = create_discriminator("pix2pixhd", width=4, layers=2)
    given = []
    discriminator.layers[0].register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    discriminator(torch.tensor([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1).expand(1, 3, 16, 16))
    assert given[0].amax(dim=(0, 2, 3)).tolist() == [0.0, 0.5, 1.0]


def test_the_network_sees_lamas_range_with_zeros_in_the_hole():
    network = create_model("lama", width=4, blocks=1).eval()
    given = []
    network.encoder.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    image, hole = torch.full((1, 3, 16, 16), -0.5), torch.zeros(1, 1, 16, 16)
    hole[..., 4:9, 3:7] = 1
    network(image, hole)
    assert torch.equal(given[0], torch.cat([0.25 * (1 - hole).expand(1, 3, 16, 16), hole], dim=1))


def test_one_pixel_is_seen_everywhere():
    torch.manual_seed(0)
    unit = FourierUnit(2, 2).eval()
    features = torch.randn(1, 2, 12, 10)
    other = features.clone()
    other[0, 0, 3, 4] += 1.0
    assert ((unit(features) - unit(other)).abs().amax(dim=1) > 0).float().mean() > 0.9


@pytest.mark.parametrize("size", [(7, 5), (6, 8), (1, 1)])
def test_the_spectrum_comes_back_in_the_map_s_size(size):
    assert FourierUnit(2, 3).eval()(torch.randn(1, 2, *size)).shape == (1, 3, *size)


def test_the_transform_runs_in_float32_under_autocast_and_in_bfloat16(monkeypatch):
    seen = []
    original = torch.fft.rfft2

    def spy(features, **options):
        seen.append(features.dtype)
        return original(features, **options)

    monkeypatch.setattr(torch.fft, "rfft2", spy)
    network = create_model("lama", width=8, blocks=1).eval()
    image, hole = torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        assert network(image, hole).prediction.isfinite().all()
    half = network.to(torch.bfloat16)
    output = half(image.bfloat16(), hole.bfloat16())
    assert output.prediction.dtype == torch.bfloat16
    assert set(seen) == {torch.float32}


@pytest.mark.parametrize("size", [(13, 21), (3, 8), (16, 1)])
def test_pictures_are_padded_as_numpy_pads_symmetrically(size):
    maps = torch.rand(2, 3, *size)
    below, beside = -size[0] % 8, -size[1] % 8
    padded = create_model("lama", width=4, blocks=1).pad(maps)
    expected = np.pad(maps.numpy(), ((0, 0), (0, 0), (0, below), (0, beside)), mode="symmetric")
    np.testing.assert_array_equal(padded.numpy(), expected)
