"""NDMHA does what its paper says where the released code does not, and stays finite."""

from __future__ import annotations

import os

import pytest
import torch

from inpainter import create_discriminator, create_model
from inpainter.losses import AdversarialLoss, edge_loss, l1_loss
from inpainter.networks.blocks.deformable_convolution import DeformableConvolution
from inpainter.networks.blocks.nested_attention import NestedDeformableAttention
from inpainter.networks.ndmha import NestedDeformableAttentionNetwork
from weights.base.errors import ConfigurationError

RELEASED = {1: 256_769_540, 2: 64_456_872, 4: 16_246_538, 8: 4_127_850}
"""Parameters of the released code by divisor, with six input channels."""


@pytest.mark.parametrize("divisor", RELEASED)
def test_the_count_is_that_of_the_release_less_what_it_never_uses(divisor):
    with torch.device("meta"):
        network = create_model("ndmha", width_divisor=divisor, hole_channels=3)
    never_used_norms = 32_000 // divisor
    # Two attentions have 4 heads instead of 8 where there are only 8 channels.
    one_channel_temperatures = 8 if divisor == 8 else 0
    missing_skip = 2 * 9 * (64 // divisor) ** 2
    assert sum(one.numel() for one in network.parameters()) == (
        RELEASED[divisor] - never_used_norms - one_channel_temperatures + missing_skip
    )


def test_each_repetition_of_the_hole_widens_the_first_layers_only():
    with torch.device("meta"):
        one, three = (create_model("ndmha", hole_channels=count) for count in (1, 3))
    counts = [sum(part.numel() for part in network.parameters()) for network in (one, three)]
    assert counts == [4_124_418, 4_124_994]


def test_the_modulation_reaches_the_deformable_convolution():
    torch.manual_seed(0)
    convolution = DeformableConvolution(4, 4)
    features = torch.randn(1, 4, 8, 8)
    before = convolution(features)
    torch.nn.init.constant_(convolution.modulation.bias, -50.0)
    assert before.abs().max() > 0.1
    assert convolution(features).abs().max() < 1e-6


def test_a_new_deformable_convolution_is_a_plain_one():
    torch.manual_seed(0)
    convolution = DeformableConvolution(4, 6)
    features = torch.randn(2, 4, 7, 9)
    plain = torch.nn.functional.conv2d(features, convolution.weight, padding=1)
    torch.testing.assert_close(convolution(features), plain)


def test_offsets_move_what_is_seen():
    torch.manual_seed(0)
    convolution = DeformableConvolution(3, 3)
    features = torch.randn(1, 3, 8, 8)
    before = convolution(features)
    # One pixel to the right for each of the kernel's points: offsets are pairs of y and x.
    with torch.no_grad():
        convolution.offset.bias[1::2] = 1.0
    torch.testing.assert_close(
        convolution(features)[..., 1:-2], before[..., 2:-1], rtol=1e-4, atol=1e-5
    )


def test_the_bottleneck_is_dilated():
    network = create_model("ndmha", width_divisor=32)
    for stage in (network.coarse, network.fine):
        dilations = [layer.convolution.dilation for layer in stage.middle]
        assert dilations == [(1, 1), (2, 2), (4, 4), (8, 8)]


@pytest.mark.parametrize("stage", ["coarse", "fine"])
@pytest.mark.parametrize("level", range(4))
def test_every_level_of_both_stages_has_its_skip(stage, level):
    torch.manual_seed(0)
    unet = getattr(create_model("ndmha", width_divisor=32), stage)
    # With the way down cut below it, only its skip can carry anything of the level.
    unet.down[level].register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
    unet(torch.randn(1, 4, 32, 32)).square().sum().backward()
    gradient = [unet.stem, *unet.down][level].convolution.weight.grad
    assert gradient is not None and gradient.any()


def test_each_head_has_channels_to_compare():
    attention = NestedDeformableAttention(8)
    assert attention.pack.heads == 4
    decoder, encoder = torch.randn(2, 1, 8, 6, 5).unbind()
    attention(decoder, encoder).square().sum().backward()
    assert attention.pack.temperature.grad.abs().min() > 0
    assert attention.unpack.temperature.grad.abs().min() > 0


def test_the_second_stage_sees_the_known_pixels_and_the_first_stage_s_fill():
    network = create_model("ndmha", width_divisor=32).eval()
    given = []
    network.fine.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., 8:20, 8:20] = 1
    output = network(image, hole)
    expected = torch.where(hole > 0, output.coarse, image)
    torch.testing.assert_close(given[0], torch.cat([expected, hole], dim=1))
    # No hole: known pixels are themselves and no 2 * x - y.
    assert torch.equal(network(image, torch.zeros_like(hole)).completed, image)


def train(seed: int, steps: int, side: int, divisor: int) -> list[float]:
    """The paper's training but for VGG: L1, edges, hinge, Adam at 2e-4, batches of one."""
    torch.manual_seed(seed)
    network = NestedDeformableAttentionNetwork(width_divisor=divisor)
    discriminator = create_discriminator("sn-patchgan", channels=[8, 16])
    game = AdversarialLoss("hinge")
    optimizer, judge = (
        torch.optim.Adam(one.parameters(), 2e-4, betas=(0.5, 0.99))
        for one in (network, discriminator)
    )
    losses = []
    for _ in range(steps):
        # Flat pictures are where edges, deviations and norms are zero.
        image = torch.rand(1, 3, 1, 1).expand(1, 3, side, side) * 2 - 1
        if torch.rand(()) < 0.7:
            image = (image + 0.5 * torch.randn(1, 3, side, side)).clamp(-1, 1)
        hole = torch.zeros(1, 1, side, side)
        top, left = torch.randint(0, side // 2, (2,))
        hole[..., top : top + side // 2, left : left + side // 2] = 1
        output = network(image, hole)
        scores = [discriminator(one, hole)[-1] for one in (image, output.completed.detach())]
        judge.zero_grad()
        game.discriminator(*scores).backward()
        judge.step()
        loss = game.generator(discriminator(output.completed, hole)[-1])
        for picture in (output.coarse, output.prediction):
            loss = loss + l1_loss(picture, image) + edge_loss(picture, image)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        assert all(one.isfinite().all() for one in network.parameters()), len(losses)
    return losses


@pytest.mark.parametrize("seed", range(5))
def test_training_from_random_weights_stays_finite(seed):
    assert torch.tensor(train(seed, 12, 32, 16)).isfinite().all()


@pytest.mark.skipif(
    "UNMASK_SLOW_TESTS" not in os.environ, reason="1,000 steps; set UNMASK_SLOW_TESTS to run it"
)
@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_steps_stay_finite(seed):
    assert torch.tensor(train(seed, 1_000, 64, 8)).isfinite().all()


def test_other_divisors_are_refused():
    with pytest.raises(ConfigurationError, match="width_divisor"):
        create_model("ndmha", width_divisor=12)
