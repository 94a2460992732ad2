"""The two networks that turn a masked face into an unmasked one see what is in the hole."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from inpainter import create_discriminator, create_model, list_models
from inpainter.networks.blocks.residual_pair import ResidualPair

SEEING = ("paired-gan", "residual-cnn")


def sample():
    torch.manual_seed(0)
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    hole = torch.zeros(1, 1, 16, 16)
    hole[..., 6:12, 4:12] = 1
    return image, hole


def test_only_these_two_see_the_hole():
    with torch.device("meta"):
        seeing = [name for name in list_models() if create_model(name).sees_hole]
    assert seeing == sorted(SEEING)


@pytest.mark.parametrize("name", SEEING)
def test_the_picture_is_given_as_it_is_and_known_pixels_are_kept(name):
    network = create_model(name).eval()
    image, hole = sample()
    first = network.paint(image, hole)[1]
    assert torch.equal(network(image, hole).prediction, first)
    completed = network(image, hole).completed
    known = (hole == 0).expand_as(image)
    assert torch.equal(completed[known], image[known])
    assert not torch.equal(completed[~known], image[~known])
    # The hole says which pixels are taken, and nothing more.
    assert torch.equal(network(image, torch.zeros_like(hole)).prediction, first)


def test_residual_regression_adds_its_error_to_the_normalised_picture():
    network = create_model("residual-cnn", mean=(0.1, 0.2, 0.3), deviation=(0.4, 0.5, 0.6))
    torch.nn.init.zeros_(network.error[-1][0].weight)
    torch.nn.init.zeros_(network.error[-1][0].bias)
    image, hole = sample()
    torch.testing.assert_close(network(image, hole).prediction, image)
    torch.nn.init.constant_(network.error[-1][0].bias, 0.2)
    error = torch.tanh(torch.tensor(0.2)) * torch.tensor([0.4, 0.5, 0.6]).reshape(1, 3, 1, 1)
    torch.testing.assert_close(network(image, hole).prediction, (image + error).clamp(-1, 1))


def test_the_second_convolution_of_a_pair_is_rectified_before_the_sum():
    pair = ResidualPair(1, normalization=None)
    for convolution in (pair.residual[0][0], pair.residual[1][0]):
        torch.nn.init.zeros_(convolution.bias)
        torch.nn.init.zeros_(convolution.weight)
        convolution.weight.data[0, 0, 1, 1] = -1.0
    # -3 becomes 3, then -3 and by the activation 0; the sum is not rectified.
    assert pair(torch.full((1, 1, 1, 1), -3.0)).item() == -3.0
    torch.nn.init.constant_(pair.residual[1][0].bias, 5.0)
    # 3 becomes 2 then, and 2 - 3 = -1.
    assert pair(torch.full((1, 1, 1, 1), -3.0)).item() == -1.0


def test_a_value_past_the_range_still_learns():
    network = create_model("residual-cnn", mean=(3.0, 3.0, 3.0))
    image, hole = sample()
    network(image + 3, hole).prediction.mean().backward()
    assert all(one.grad.any() for one in network.parameters())


def test_the_paired_discriminator_scores_a_large_picture_once():
    discriminator = create_discriminator("paired")
    assert sum(one.numel() for one in discriminator.parameters()) == 174_711
    with torch.device("meta"):
        maps = create_discriminator("paired")(torch.empty(1, 3, 512, 512), None)
    assert maps[-1].shape == (1, 1, 1, 1)
    assert len(maps) == 9
    small = create_discriminator("paired").eval()(torch.rand(2, 3, 48, 48), None)
    assert small[-1].shape == (2, 1, 1, 1)


@pytest.mark.parametrize(
    ("name", "widths", "norms"),
    [
        ("residual-cnn", [16, 32, 32, 32, 16, 3], 0),
        ("paired-gan", [16, 32, 32, 32, 64, 16, 16, 16, 8, 3], 8),
    ],
)
def test_the_layers_are_the_table_s(name, widths, norms):
    network = create_model(name)
    layers = [one for one in network.modules() if isinstance(one, nn.Conv2d)]
    assert [one.out_channels for one in layers] == widths
    assert {(one.kernel_size, one.stride, one.padding) for one in layers} == {
        ((3, 3), (1, 1), (1, 1))
    }
    assert sum(isinstance(one, nn.BatchNorm2d) for one in network.modules()) == norms
    assert isinstance([*network.modules()][-1], nn.Tanh)


def test_the_paired_discriminator_s_blocks_are_the_table_s():
    for block, width in zip(
        create_discriminator("paired").layers, [64, 128, 64, 32, 16, 8, 4, 2, 1], strict=True
    ):
        convolution, norm, leaky = block[0]
        assert convolution.out_channels == width and convolution.kernel_size == (3, 3)
        assert isinstance(norm, nn.BatchNorm2d) and isinstance(leaky, nn.LeakyReLU)
        assert isinstance(block[1], nn.MaxPool2d)
