"""AOT-GAN's block: dilated branches, a gate between old and new, and flat maps survive."""

from __future__ import annotations

import pytest
import torch

from inpainter import create_discriminator, create_model
from inpainter.networks.blocks.aggregated_contextual import AggregatedContextualBlock
from inpainter.networks.blocks.reflection import reflect


def test_branches_are_dilated_and_share_the_channels():
    block = AggregatedContextualBlock(16)
    assert [branch.dilation for branch in block.branches] == [(1, 1), (2, 2), (4, 4), (8, 8)]
    assert {branch.out_channels for branch in block.branches} == {4}


@pytest.mark.parametrize(("bias", "new"), [(-1.0, False), (1.0, True)])
def test_the_gate_chooses_between_old_and_new(monkeypatch, bias, new):
    torch.manual_seed(0)
    block = AggregatedContextualBlock(8)
    features = torch.randn(1, 8, 20, 20)
    given = []
    block.merge.register_forward_hook(lambda module, inputs, output: given.append(output))
    monkeypatch.setattr(torch, "sigmoid", lambda values: torch.full_like(values, float(bias > 0)))
    torch.testing.assert_close(block(features), given[0] if new else features)


def test_the_gate_s_values_are_standardised_by_the_unbiased_deviation(monkeypatch):
    block = AggregatedContextualBlock(4).eval()
    gate = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 2, 2).expand(1, 4, 2, 2)
    monkeypatch.setattr(block.gate, "forward", lambda _: gate)
    given = []
    monkeypatch.setattr(torch, "sigmoid", lambda values: given.append(values) or values)
    block(torch.randn(1, 4, 2, 2))
    # Mean 2.5, squares of 2.25, 0.25, 0.25 and 2.25 over 3.
    deviation = (5.0 / 3.0) ** 0.5
    expected = [10.0 * (one - 2.5) / deviation - 5.0 for one in (1.0, 2.0, 3.0, 4.0)]
    torch.testing.assert_close(given[0][0, 0].flatten(), torch.tensor(expected))


def test_one_place_is_standardised_to_the_mean():
    block = AggregatedContextualBlock(4)
    assert block(torch.randn(1, 4, 1, 1)).isfinite().all()


def test_flat_maps_keep_a_finite_gradient():
    block = AggregatedContextualBlock(8)
    features = torch.zeros(1, 8, 12, 12, requires_grad=True)
    block(features).sum().backward()
    assert features.grad.isfinite().all()
    assert all(one.grad is None or one.grad.isfinite().all() for one in block.parameters())


def test_the_network_sees_white_in_the_hole():
    network = create_model("aot-gan", width=4, blocks=1).eval()
    given = []
    network.stem.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    hole = torch.zeros(1, 1, 16, 16)
    hole[..., 4:8, 4:8] = 1
    network(torch.zeros(1, 3, 16, 16), hole)
    inner = given[0][..., 3:-3, 3:-3]
    assert torch.equal(inner, hole.expand(-1, 4, -1, -1))


def test_the_discriminator_has_to_find_the_hole_by_itself():
    with torch.device("meta"):
        discriminator = create_discriminator("soft-mask")
        maps = discriminator(torch.empty(1, 3, 512, 512), torch.empty(1, 1, 512, 512))
    assert sum(one.numel() for one in discriminator.parameters()) == 2_763_777
    assert [one.shape[1:] for one in maps] == [
        (64, 256, 256),
        (128, 128, 128),
        (256, 64, 64),
        (512, 63, 63),
        (1, 62, 62),
    ]
    small = create_discriminator("soft-mask", channels=[4, 4]).eval()
    picture = torch.rand(1, 3, 16, 16)
    scores = [small(picture, hole)[-1] for hole in (torch.zeros(1, 1, 16, 16), None)]
    scores.append(small(picture, torch.ones(1, 1, 16, 16))[-1])
    assert torch.equal(scores[0], scores[1]) and torch.equal(scores[0], scores[2])


@pytest.mark.parametrize("size", [(9, 12), (3, 3), (1, 1)])
def test_maps_too_small_to_reflect_repeat_their_edge(size):
    padded = reflect(torch.rand(1, 2, *size), 4)
    assert padded.shape == (1, 2, size[0] + 8, size[1] + 8)
