"""CoModGAN: several fills for one hole, each of them repeatable."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from inpainter import create_discriminator, create_model
from inpainter.discriminators.stylegan2 import HalvingResidualBlock
from inpainter.networks.blocks.minibatch_std import MinibatchStd
from inpainter.networks.blocks.modulated_convolution import ModulatedConvolution

TINY = {"resolution": 16, "channel_base": 128, "channel_limit": 8, "style_size": 8}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return create_model("comodgan", **TINY).eval()


@pytest.fixture
def pair():
    torch.manual_seed(1)
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    hole = torch.zeros(2, 1, 16, 16)
    hole[..., 4:12, 5:14] = 1
    return image, hole


@pytest.mark.parametrize(("resolution", "expected"), [(256, 79_177_378), (512, 79_792_231)])
def test_parameter_counts(resolution, expected):
    with torch.device("meta"):
        network = create_model("comodgan", resolution=resolution)
    assert sum(one.numel() for one in network.parameters()) == expected


def test_the_parts_counts():
    with torch.device("meta"):
        network = create_model("comodgan")
    encoder = (network.stem, network.encoder, network.down, network.bottom, network.to_style)
    assert sum(one.numel() for one in network.mapping.parameters()) == 2_101_248
    assert sum(one.numel() for part in encoder for one in part.parameters()) == 31_841_536


def test_one_hole_has_several_fills_and_each_is_repeatable(network, pair):
    image, hole = pair
    first, second, again = network.fills(image, hole, [0, 1, 0])
    assert torch.equal(first, network(image, hole).completed)
    assert torch.equal(first, again)
    missing = hole.expand_as(image) == 1
    assert (first - second).abs()[missing].mean() > 1e-3
    assert torch.equal(first[~missing], second[~missing])


def test_the_seed_chooses_the_fill(network, pair):
    _, second = network.fills(*pair, [0, 7])
    network.seed = 7
    assert torch.equal(network(*pair).completed, second)
    torch.manual_seed(0)
    other = create_model("comodgan", **TINY, seed=7)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(*pair).completed, second)


def test_training_draws_a_latent_for_each_picture(network, pair):
    image, hole = (one[:1].repeat(2, 1, 1, 1) for one in pair)
    network.train()
    network.dropout.p = 0.0
    given = []
    network.mapping.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    network(image, hole)
    network(image, hole)
    assert not torch.equal(given[0][0], given[0][1])
    assert not torch.equal(given[0], given[1])


def test_modulating_maps_is_modulating_each_picture_s_kernel():
    torch.manual_seed(0)
    convolution = ModulatedConvolution(3, 4, 5)
    features, styles = torch.randn(2, 3, 6, 6), torch.randn(2, 5)
    expected = []
    for one, style in zip(features, convolution.style(styles), strict=True):
        kernel = convolution.weight * convolution.scale * style[None, :, None, None]
        kernel = kernel / kernel.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
        expected.append(torch.nn.functional.conv2d(one[None], kernel, padding=1))
    torch.testing.assert_close(convolution(features, styles), torch.cat(expected))


def test_doubling_convolves_the_map_with_zeros_between_its_pixels_and_then_blurs():
    torch.manual_seed(0)
    convolution = ModulatedConvolution(2, 3, 5, double=True).double()
    features, styles = (torch.randn(*size).double() for size in ((1, 2, 5, 6), (1, 5)))
    style = convolution.style(styles)[0]
    kernels = convolution.weight * convolution.scale * style[None, :, None, None]
    kernels = kernels / (kernels.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
    stuffed = np.zeros((2, 9, 11))
    stuffed[:, ::2, ::2] = features[0].numpy()
    blur = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
    expected = []
    for kernel in kernels.detach().numpy():
        pairs = zip(stuffed, kernel, strict=True)
        convolved = sum(convolve2d(one, taps, mode="full") for one, taps in pairs)
        expected.append(convolve2d(np.pad(convolved, 1), blur, mode="valid"))
    result = convolution(features, styles)[0].detach().numpy()
    np.testing.assert_allclose(result, np.stack(expected), atol=1e-7)


def test_some_layers_take_the_style_of_a_second_latent(pair):
    torch.manual_seed(0)
    network = create_model("comodgan", **TINY, style_mixing=1.0, dropout=0.0)
    given = []
    pairs = zip(network.up, network.decoder, strict=True)
    painters = [network.first, *itertools.chain.from_iterable(pairs)]
    for painter in painters:
        painter.convolution.style.register_forward_pre_hook(
            lambda module, inputs: given.append(inputs[0][:, : TINY["style_size"]])
        )
    limits = set()
    for _ in range(30):
        given.clear()
        network(*pair)
        same = [torch.equal(one, given[0]) for one in given]
        limits.add(sum(same))
        assert same == sorted(same, reverse=True)
        assert all(
            torch.equal(one, given[-1]) for one, first in zip(given, same, strict=True) if not first
        )
    # The first convolution keeps its style; sometimes only the last picture's layer has another.
    assert limits == {1, 2, 3, 4, 5}
    network.style_mixing = 0.0
    given.clear()
    network(*pair)
    assert all(torch.equal(one, given[0]) for one in given)


def test_the_way_past_is_blurred_and_every_other_pixel_is_taken():
    torch.manual_seed(0)
    block = HalvingResidualBlock(1, 1).double()
    torch.nn.init.zeros_(block.second.weight)
    features = torch.randn(1, 1, 8, 6).double()
    blur = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    blurred = convolve2d(np.pad(features[0, 0].numpy(), 1), blur, mode="valid")[::2, ::2]
    weight = block.past.weight.item()
    result = block(features)[0, 0].detach().numpy()
    np.testing.assert_allclose(result, weight * blurred / math.sqrt(2), atol=1e-7)


def test_the_discriminator_s_count_is_that_of_stylegan2_with_a_fourth_channel():
    with torch.device("meta"):
        discriminator = create_discriminator("stylegan2")
    assert sum(one.numel() for one in discriminator.parameters()) == 28_864_129 + 128


def test_the_deviation_of_a_group_is_appended_as_a_channel():
    # Pictures 0 and 2 are one group, 1 and 3 the other.
    values = torch.tensor([1.0, 5.0, 3.0, 5.0]).reshape(4, 1, 1, 1).expand(4, 2, 3, 3)
    appended = MinibatchStd(group=2)(values)
    assert appended.shape == (4, 3, 3, 3)
    assert torch.equal(appended[:, :2], values)
    expected = torch.tensor([1.0, 0.0, 1.0, 0.0]).reshape(4, 1, 1).expand(4, 3, 3)
    torch.testing.assert_close(appended[:, 2], expected, atol=2e-4, rtol=0.0)


@pytest.mark.parametrize("count", [1, 3, 5, 8])
def test_any_batch_can_be_grouped(count):
    features = torch.rand(count, 2, 4, 4, requires_grad=True)
    appended = MinibatchStd()(features)
    assert appended.shape == (count, 3, 4, 4)
    appended.sum().backward()
    assert features.grad.isfinite().all()
