"""Partial convolution looks at known values only, and its mask says where it saw any."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from inpainter import create_model
from inpainter.networks.blocks.partial_convolution import PartialConvolution
from inpainter.training import read_recipe, train_inpainter
from tests.inpainter.training.short_runs import short_recipe
from weights.base.errors import ConfigurationError, InputError
from weights.catalog.store import load_state_dict


def by_hand(block: PartialConvolution, features: torch.Tensor, known: torch.Tensor):
    """The paper's formula, place by place."""
    weight, (stride, _) = block.convolution.weight, block.convolution.stride
    side = weight.shape[2]
    mask = known.expand_as(features)
    padded = functional.pad(features * mask, [side // 2] * 4)
    mask = functional.pad(mask, [side // 2] * 4)
    height, width = (-(-size // stride) for size in features.shape[2:])
    result = torch.zeros(len(features), len(weight), height, width)
    updated = torch.zeros(len(features), 1, height, width)
    for n in range(len(features)):
        for y in range(height):
            for x in range(width):
                rows, columns = (slice(stride * one, stride * one + side) for one in (y, x))
                window = mask[n, :, rows, columns]
                if window.sum() > 0:
                    scale = window.numel() / window.sum()
                    seen = (weight * padded[n, :, rows, columns]).sum(dim=(1, 2, 3))
                    result[n, :, y, x] = seen * scale + block.bias
                    updated[n, 0, y, x] = 1
    return result, updated


@pytest.mark.parametrize(("side", "stride"), [(3, 1), (3, 2), (5, 2), (7, 2)])
@pytest.mark.parametrize("mask_channels", [1, 4])
def test_it_equals_the_formula(side: int, stride: int, mask_channels: int) -> None:
    torch.manual_seed(side)
    block = PartialConvolution(4, 3, side, stride)
    torch.nn.init.normal_(block.bias)
    features = torch.randn(2, 4, 11, 14)
    known = (torch.rand(2, mask_channels, 11, 14) > 0.8).float()
    known[:, :, :7, :9] = 0
    expected, updated = by_hand(block, features, known)
    result, seen = block(features, known)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(seen, updated)
    assert 0 < seen.mean() < 1


def test_the_hole_shrinks_until_it_is_gone() -> None:
    block = PartialConvolution(1, 1)
    known = torch.ones(1, 1, 15, 15)
    known[..., 4:11, 4:11] = 0
    features = torch.randn(1, 1, 15, 15)
    holes = []
    for _ in range(5):
        features, known = block(features, known)
        holes.append(int((1 - known).sum()))
    assert holes == [25, 9, 1, 0, 0]


def test_values_in_the_hole_do_not_matter_and_nothing_known_gives_nothing() -> None:
    block = PartialConvolution(2, 3)
    known = torch.zeros(1, 1, 6, 6)
    first, seen = block(torch.randn(1, 2, 6, 6), known)
    assert not first.any()
    assert not seen.any()
    known[..., 3:] = 1
    features = torch.randn(1, 2, 6, 6)
    assert torch.equal(block(features, known)[0], block(features * known, known)[0])


def test_a_known_picture_is_convolved_as_ever_away_from_the_border() -> None:
    block = PartialConvolution(2, 3, 5)
    features = torch.randn(1, 2, 9, 9)
    plain = functional.conv2d(features, block.convolution.weight, block.bias, padding=2)
    result, _ = block(features, torch.ones(1, 1, 9, 9))
    torch.testing.assert_close(result[..., 2:-2, 2:-2], plain[..., 2:-2, 2:-2])


def test_gradients_are_right() -> None:
    block = PartialConvolution(2, 2).double()
    known = torch.ones(1, 1, 4, 5, dtype=torch.float64)
    known[..., 1:, 2:] = 0
    features = torch.randn(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda one: block(one, known)[0], features)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="mask of a partial convolution"):
        PartialConvolution(2, 2)(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 5))
    with pytest.raises(InputError, match="mask of a partial convolution"):
        PartialConvolution(3, 2)(torch.zeros(1, 3, 4, 4), torch.zeros(1, 2, 4, 4))


def test_the_network_is_the_paper_s_table() -> None:
    with torch.device("meta"):
        network = create_model("pconv")
    down = [
        (
            one.convolution.in_channels,
            one.convolution.out_channels,
            *one.convolution.kernel_size[:1],
        )
        for one in network.down
    ]
    up = [(one.convolution.in_channels, one.convolution.out_channels) for one in network.up]
    assert down == [
        (3, 64, 7),
        (64, 128, 5),
        (128, 256, 5),
        (256, 512, 3),
        *[(512, 512, 3)] * 4,
    ]
    assert up == [
        *[(1024, 512)] * 4,
        (512 + 256, 256),
        (256 + 128, 128),
        (128 + 64, 64),
        (64 + 3, 3),
    ]


def test_frozen_statistics_stay_as_they_are_in_training() -> None:
    network = create_model("pconv", width=4, depth=4, frozen_encoder_statistics=True).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    image, hole = torch.rand(2, 3, 32, 32), torch.zeros(2, 1, 32, 32)
    network(image, hole).prediction.sum().backward()
    after = network.state_dict()
    moved = {key for key, value in before.items() if not torch.equal(value, after[key])}
    assert moved
    assert all(key.startswith("up_norms") for key in moved)
    assert all(one.grad is None for one in network.down_norms.parameters())


def test_fine_tuning_goes_on_from_weights_and_keeps_the_encoder_s_statistics(tmp_path) -> None:
    network = {"name": "pconv", "width": 4, "depth": 4}
    first = train_inpainter(short_recipe(tmp_path, network=network), tmp_path / "run", device="cpu")
    recipe = short_recipe(
        tmp_path,
        network={**read_recipe("pconv.fine-tuning").network, **network},
        parts={"": str(first.weights)},
    )
    second = train_inpainter(recipe, tmp_path / "tuned", device="cpu")
    before, after = load_state_dict(first.weights), load_state_dict(second.weights)
    same = {key for key, value in before.items() if torch.allclose(value, after[key], 1e-3, 1e-3)}
    assert same >= {key for key in before if key.startswith("down_norms")}
    assert not torch.equal(before["up_norms.0.running_mean"], after["up_norms.0.running_mean"])
    assert not torch.equal(before["down.1.convolution.weight"], after["down.1.convolution.weight"])


def test_too_few_levels_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="depth of pconv"):
        create_model("pconv", depth=3)
