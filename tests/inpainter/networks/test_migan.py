"""MI-GAN: the merged form is the trained form, and known pixels are told from missing ones."""

from __future__ import annotations

import pytest
import torch

from inpainter import create_discriminator, create_model
from inpainter.discriminators.stylegan2 import HalvingSeparableBlock
from inpainter.networks.blocks.blur import DoublingBlur, HalvingBlur
from inpainter.networks.blocks.reparameterized_convolution import ReparameterizedConvolution
from inpainter.networks.blocks.scaled_leaky_relu import scaled_leaky_relu
from inpainter.weight_files import load_completion_network, save_completion_network
from weights.base.errors import ConfigurationError

TINY = {"resolution": 16, "channel_base": 128, "channel_limit": 8}


def sample():
    torch.manual_seed(1)
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    hole = torch.zeros(2, 1, 16, 16)
    hole[..., 4:12, 5:14] = 1
    return image, hole


@pytest.mark.parametrize(
    ("resolution", "total", "fixed"), [(256, 5_943_617, 78_112), (512, 5_973_366, 80_208)]
)
def test_the_count_with_the_blur_filters_is_the_table_s(resolution, total, fixed):
    with torch.device("meta"):
        network = create_model("migan", resolution=resolution)
    learned = sum(one.numel() for one in network.parameters())
    filters = sum(one.numel() for name, one in network.named_buffers() if "filter" in name)
    assert filters == fixed
    assert learned + filters == total


def test_merged_equals_unmerged():
    torch.manual_seed(0)
    network = create_model("migan", **TINY, branches=4).eval()
    with torch.no_grad():
        for one in network.parameters():
            one.add_(0.1 * torch.randn_like(one))
    before = network(*sample()).prediction
    trained = sum(one.numel() for one in network.parameters())
    merged = network.merge()
    torch.testing.assert_close(merged(*sample()).prediction, before, rtol=1e-4, atol=1e-5)
    plain = create_model("migan", **TINY)
    assert not any(isinstance(one, ReparameterizedConvolution) for one in merged.modules())
    assert sum(one.numel() for one in merged.parameters()) < trained / 3
    plain.load_state_dict(merged.state_dict())
    torch.testing.assert_close(plain.eval()(*sample()).prediction, before, rtol=1e-4, atol=1e-5)


def test_the_merged_form_is_a_weight_file_of_the_plain_form(tmp_path):
    torch.manual_seed(0)
    network = create_model("migan", **TINY, branches=4).eval().merge()
    file = tmp_path / "migan.safetensors"
    save_completion_network(network, file, name="migan", options=TINY, input_size=16, half=False)
    loaded = load_completion_network("migan", file)
    assert torch.equal(loaded(*sample()).prediction, network(*sample()).prediction)


def test_every_branch_learns():
    network = create_model("migan", **TINY, branches=4)
    network(*sample()).prediction.square().mean().backward()
    assert all(one.grad is not None and one.grad.any() for one in network.parameters())


def test_the_network_itself_turns_the_hole_into_its_own_polarity():
    network = create_model("migan", **TINY).eval()
    given = []
    network.stem.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    image, hole = sample()
    network(image, hole)
    assert (given[0][:, :1][hole == 0] == 0.5).all()
    assert (given[0][:, :1][hole == 1] == -0.5).all()
    assert (given[0][:, 1:][hole.expand_as(image) == 1] == 0).all()


def test_the_layers_double_from_four_up_and_add_up_to_the_picture():
    network = create_model("migan", **TINY).eval()
    image, hole = sample()
    layers = network.pyramid(image * (1 - hole), hole)
    assert [layer.shape[2:] for layer in layers] == [(4, 4), (8, 8), (16, 16)]
    painted = []
    for number, convolution in enumerate(network.to_picture):
        convolution.register_forward_hook(lambda _, __, output, n=number: painted.append(output))
    picture = network(image, hole).prediction
    assert all(torch.equal(one, other) for one, other in zip(painted, layers, strict=True))
    double = DoublingBlur(3)
    total = double(double(layers[0]) + layers[1]) + layers[2]
    torch.testing.assert_close(picture, total.clamp(-1, 1))


def test_channels_at_each_side_are_the_table_s():
    widths = {512: 64, 256: 128, 128: 256, 64: 512, 32: 512, 16: 512, 8: 512, 4: 512}
    with torch.device("meta"):
        network = create_model("migan", resolution=512)
        layers = network.pyramid(torch.empty(1, 3, 512, 512), torch.empty(1, 1, 512, 512))
    assert [layer.shape[-1] for layer in layers] == sorted(widths)
    read = [convolution.in_channels for convolution in network.to_picture]
    assert read == [widths[side] for side in sorted(widths)]
    assert network.stem.in_channels == 4
    assert network.stem.out_channels == 64


def test_the_map_of_four_pixels_is_skipped_past_the_bottom():
    network = create_model("migan", **TINY).eval()
    seen = []
    for unit in network.middle:
        unit.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    network(*sample())
    assert torch.equal(seen[1][0], seen[0][1])
    assert torch.equal(seen[2][0], seen[1][1])
    torch.testing.assert_close(seen[3][0], seen[2][1] + seen[0][1])


def test_every_weight_is_a_sum_brought_to_unit_norm_for_each_channel():
    network = create_model("migan", **TINY, branches=4)
    sums = [one for one in network.modules() if isinstance(one, ReparameterizedConvolution)]
    assert not any(isinstance(one, torch.nn.Conv2d) for one in network.modules())
    assert len(sums) == 1 + len(network.to_picture) + 2 * (2 + 2 + 4 + 2 + 2)
    for one in sums:
        assert len(one.weights) == 4
        total = sum(one.weights) / 2
        norm = total.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
        torch.testing.assert_close(one.merged_weight(), total / norm)


def test_the_separable_discriminator_is_made_of_sums_too():
    discriminator = create_discriminator(
        "stylegan2", resolution=16, channel_base=64, channel_limit=8, separable=True
    )
    kinds = {type(one).__name__ for one in discriminator.modules() if hasattr(one, "weights")}
    assert kinds == {"ReparameterizedConvolution"}
    image, hole = sample()
    maps = discriminator(image, hole)
    assert [one.shape[-1] for one in maps] == [8, 4, 1]
    maps[-1].sum().backward()
    assert all(one.grad is not None for one in discriminator.parameters())


def test_a_separable_block_counts_what_is_changed_half_and_the_way_past_by_the_root_of_a_half():
    torch.manual_seed(0)
    block = HalvingSeparableBlock(3, 4, branches=1)
    features = torch.randn(1, 3, 8, 8)
    changed, past = block.changed(features), block.past(features)
    expected = 0.5 * changed + 0.5**0.5 * past
    torch.testing.assert_close(block(features), expected)
    # The second convolution's two activations are each divided by the root of 2.
    first, second = block.changed
    halved = second.halving(scaled_leaky_relu(second.depthwise(first(features))) / 2**0.5)
    by_steps = scaled_leaky_relu(second.pointwise(halved)) / 2**0.5
    torch.testing.assert_close(0.5 * changed, by_steps)


def test_noise_is_drawn_in_training_only():
    torch.manual_seed(0)
    network = create_model("migan", **TINY)
    for name, one in network.named_parameters():
        if name.endswith("strength"):
            torch.nn.init.ones_(one)
    image, hole = sample()
    assert not torch.equal(network(image, hole).prediction, network(image, hole).prediction)
    network.eval()
    assert torch.equal(network(image, hole).prediction, network(image, hole).prediction)


def test_blurs_keep_a_flat_picture_flat():
    flat = torch.full((1, 2, 8, 8), 3.0)
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(HalvingBlur(2)(flat)[..., 1:-1, 1:-1], flat[..., 1:3, 1:3])
    torch.testing.assert_close(DoublingBlur(2)(flat)[inner], torch.full((1, 2, 12, 12), 3.0))


@pytest.mark.parametrize("resolution", [4, 100, 2048])
def test_other_resolutions_are_refused(resolution):
    with pytest.raises(ConfigurationError, match="power of two"):
        create_model("migan", resolution=resolution)
